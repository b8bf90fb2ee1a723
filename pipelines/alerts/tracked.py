"""What MLflow knows of the models of a cluster: their runs that failed, what the gate measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby, takewhile
from typing import TYPE_CHECKING

from components import tracked_runs
from components.monitor.step import EXPERIMENT
from components.tracked_runs import TrackedRun
from pipelines.alerts.deciding import Measured
from pipelines.alerts.installation import STALE_S
from pipelines.alerts.outbox import Outbox
from pipelines.alerts.signals import FAILED_RUNS

if TYPE_CHECKING:
    from serving.settings import Settings


def runs(settings: Settings, _: Outbox, now: datetime) -> Iterator[Measured]:
    """Yield how many of each model's newest runs failed one after the other. Raises TrackingError.

    Those that ended longer ago than `STALE_S` say nothing of today.
    """
    found = tracked_runs.changed(settings, now.timestamp() - STALE_S)
    by_model = sorted(found, key=lambda run: (run.model, -run.started))
    for model, group in groupby(by_model, key=lambda run: run.model):
        if not model.endswith(f"-{EXPERIMENT}"):  # looks at traffic are runs as well
            yield _counted(model, [*group])


def _counted(model: str, found: Sequence[TrackedRun]) -> Measured:
    """Return how many of the newest failed; who was cancelled, or goes on, does not count."""
    told = [run for run in found if run.status not in ("running", "killed")]
    failed = [*takewhile(lambda run: run.status == "failed", told)]
    detail = f"The newest, {failed[0].run_key}: {failed[0].sentence}" if failed else ""
    return Measured(FAILED_RUNS.name, float(len(failed)), {"model": model}, detail)


@lru_cache(maxsize=1024)
def at_the_gate(settings: Settings, model: str, version: str) -> dict[str, float]:
    """Return what was measured of a version on its test rows, which never changes."""
    return tracked_runs.metrics_of(settings, model, version)
