"""KFP envelope of the deploy step."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def deploy(
    name: str,
    version: str,
    steps: list[int],
    min_requests: int,
    max_seconds: float,
    alpha: float,
    max_error_increase: float,
    max_latency_ratio: float,
    shadow_requests: int,
    max_disagreement: float,
    max_class_shift: float,
    max_confidence_drop: float,
    approve: list[int],
    on_inconclusive: str,
    run_key: str,
    metrics: dsl.Output[dsl.Metrics],
    card: dsl.Output[dsl.HTML],
) -> str:
    """Bring the version live by canary; return how it ended as JSON."""
    policy = {
        "steps": steps,
        "min_requests": min_requests,
        "max_seconds": max_seconds,
        "alpha": alpha,
        "max_error_increase": max_error_increase,
        "max_latency_ratio": max_latency_ratio,
        "shadow_requests": shadow_requests,
        "max_disagreement": max_disagreement,
        "max_class_shift": max_class_shift,
        "max_confidence_drop": max_confidence_drop,
        "approve": approve,
        "on_inconclusive": on_inconclusive,
    }
    from pathlib import Path

    from components.deploy import step
    from components.telling import told

    with told():
        outputs = step.Outputs(Path(card.path), metrics)
        return step.run(name, version, policy, run_key, outputs)
