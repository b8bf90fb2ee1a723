"""What labels that came later say of a live version, beside what the gate measured of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from components.metrics import LOWER_IS_BETTER
from pipelines import run_row
from pipelines.alerts.deciding import Measured
from pipelines.alerts.signals import WORSE
from pipelines.journal import RunFolder
from serving.feedback.performance import ACCURACY, VersionPerformance
from serving.feedback.read import read
from serving.feedback.words import interval
from serving.figures import figure

if TYPE_CHECKING:
    from serving.settings import Settings

LEAST_LABELS = 30
NEWEST_RUNS = 50
"""Of a model: among them the run that made the live version is looked for."""


Known = Callable[["Settings", str, str], Mapping[str, float]]
"""Returns what was measured of a version of a model on its test rows."""


def measured(
    settings: Settings, model: str, version: str, known: Known | None = None
) -> Iterator[Measured]:
    """Yield by how much the live version is worse than on its test rows. Raises KanaryaError.

    `known`: who knows what that was; None: the runs of this home.
    """
    live = read(settings, model).versions.get(version)
    if live is None or live.labels < LEAST_LABELS:
        return
    labels = {"model": model, "version": version}
    yield from compared(live, (known or at_the_gate)(settings, model, version), labels)


def compared(
    live: VersionPerformance, on_test: Mapping[str, float], labels: Mapping[str, str]
) -> Iterator[Measured]:
    """Yield for each metric by how much it is worse at least: what its interval leaves.

    Points of accuracy; of errors of numbers a part of the error on the test rows.
    """
    for name, found in live.metrics.items():
        before = on_test.get(name)
        if before is None or (name in LOWER_IS_BETTER and not before):
            continue
        by = found.low / before - 1 if name in LOWER_IS_BETTER else before - found.high
        was = f"{before:.1%}" if name == ACCURACY else figure(before)
        detail = f"It is {interval(name, found)} on {live.labels} labels, and was {was}."
        yield Measured(WORSE.name, max(by, 0.0), {**labels, "metric": name}, detail)


def at_the_gate(settings: Settings, model: str, version: str) -> Mapping[str, float]:
    """Return what the gate knew of a version, from the run that made it here; {} elsewhere."""
    folders = sorted((settings.home / "runs").glob(f"{model}-*"), reverse=True)
    ours = [each for each in folders if each.name[:-21] == model]
    for folder in ours[:NEWEST_RUNS]:
        row = run_row.read(RunFolder(folder))
        if row is not None and row.version == version:
            return row.metrics
    return {}
