"""KFP envelope of the gate."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def gate(
    evaluation: dsl.Input[dsl.Artifact],
    test: dsl.Input[dsl.Dataset],
    served: dsl.Input[dsl.Artifact],
    floor: dict[str, float],
    champion_metric: str,
    champion_margin: float,
    evidence: dict[str, object],
    slices: list[dict[str, object]],
    seed: int,
    reasons: dsl.Output[dsl.Markdown],
    decision: dsl.Output[dsl.Artifact],
) -> bool:
    """Say whether the candidate may be registered."""
    from pathlib import Path

    from components.gate import step
    from components.telling import told

    with told():
        champion = step.champion(champion_metric, champion_margin, evidence, seed)
        policy = step.GatePolicy(floor, champion, step.guards(slices, champion_metric))
        inputs = step.Inputs(*(Path(each.path) for each in (evaluation, test, served)))
        return step.run(inputs, policy, Path(reasons.path), Path(decision.path))
