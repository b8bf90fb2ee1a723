"""KFP envelope of the gate."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def gate(
    evaluation: dsl.Input[dsl.Artifact],
    floor: dict[str, float],
    champion_metric: str,
    champion_margin: float,
    reasons: dsl.Output[dsl.Markdown],
    decision: dsl.Output[dsl.Artifact],
) -> bool:
    """Say whether the candidate may be registered."""
    from pathlib import Path

    from components.gate import step
    from components.telling import told

    policy = step.GatePolicy(floor, champion_metric, champion_margin)
    paths = (Path(reasons.path), Path(decision.path))
    with told():
        return step.run(Path(evaluation.path), policy, *paths)
