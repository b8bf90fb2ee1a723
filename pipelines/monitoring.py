"""The graph that looks at a live model: one step, for a recurring run on a cluster."""

from kfp import dsl

from components.monitor.component import monitor
from pipelines import pods
from pipelines.placing import placed


@dsl.pipeline(
    name="monitoring",
    description="Compare what a live model is asked and answers with what it learned from.",
    pipeline_config=pods.KEPT,
)
def monitoring(name: str, rows: int = 1000, alpha: float = 0.05) -> str:
    """Look at the window of one service; the output is the look as JSON.

    Args:
        name: The InferenceService to look at.
        rows: Rows after which a window is closed and a new one begins.
        alpha: Share of looks without any change that may say drift.
    """
    looked = monitor(name=name, rows=rows, alpha=alpha)
    placed(looked, "Look at the traffic", pods.WATCHING)
    found: str = looked.outputs["Output"]
    return found
