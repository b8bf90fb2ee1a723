"""KFP envelope of the monitor step."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def monitor(
    name: str,
    rows: int,
    alpha: float,
    metrics: dsl.Output[dsl.Metrics],
    page: dsl.Output[dsl.HTML],
) -> str:
    """Compare what a live model is asked with what it learned from; return the look as JSON."""
    from pathlib import Path

    from components.monitor import step
    from components.monitor.rules import Policy
    from components.telling import told

    with told():
        return step.run(name, step.Asked(Policy(alpha), rows), Path(page.path), metrics)
