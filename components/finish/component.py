"""KFP envelope of the exit handler."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def finish(run_key: str, job: str, status: dsl.PipelineTaskFinalStatus) -> None:
    """Close what a failed run left open."""
    from components.finish import step
    from components.telling import told

    with told():
        step.run(status.state, status.error_message, run_key or job)
