"""What labels that came in later say of a live version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.retrain.rules import Measured
from serving.feedback.read import read

if TYPE_CHECKING:
    from serving.settings import Settings


def measured(settings: Settings, name: str, version: str) -> dict[str, Measured]:
    """Return the metrics of a version by name, none without a label. Raises KanaryaError."""
    live = read(settings, name).versions.get(version)
    if live is None:
        return {}
    found = live.metrics.items()
    return {each: Measured(of.value, of.low, of.high, live.labels) for each, of in found}
