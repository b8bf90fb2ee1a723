"""KFP envelope of the register step."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def register(
    packaged: dsl.Input[dsl.Model],
    evaluation: dsl.Input[dsl.Artifact],
    decision: dsl.Input[dsl.Artifact],
    report: dsl.Input[dsl.HTML],
    findings: dsl.Input[dsl.Artifact],
    name: str,
    run_id: str,
) -> str:
    """Publish the model directory, make it a version of the registry, return the version."""
    from pathlib import Path

    from components.register import step
    from components.telling import told

    inputs = (packaged, evaluation, decision, report, findings)
    with told():
        return step.run(step.Candidate(*(Path(each.path) for each in inputs)), name, run_id)
