"""KFP envelope of the exit handler."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def finish(name: str, run_key: str, job: str, status: dsl.PipelineTaskFinalStatus) -> None:
    """Record how the pipeline ended on its MLflow run, and close what it left open."""
    from components.finish import step
    from components.telling import told

    with told():
        ended = step.Ended(status.state, status.error_message, status.pipeline_job_resource_name)
        step.run(ended, name, run_key or job)
