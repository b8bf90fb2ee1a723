"""KFP envelope of the reject step."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def reject(
    decision: dsl.Input[dsl.Artifact], evaluation: dsl.Input[dsl.Artifact], run_id: str
) -> str:
    """Write down why the candidate was not registered."""
    from pathlib import Path

    from components.reject import step
    from components.telling import told

    with told():
        return step.run(Path(decision.path), Path(evaluation.path), run_id)
