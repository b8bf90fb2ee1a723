"""What MLflow has of one pipeline run of another machine: its curve, its metrics, its gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from components.recorded import GATE, read_file
from components.tracked_outcome import find
from components.tracked_runs import CURVES, TrackedRun, tracked
from components.tracking import SYSTEM
from components.tracking_store import connect

if TYPE_CHECKING:
    from serving.settings import Settings


@dataclass(frozen=True)
class Kept:
    """A run as MLflow has it; `curve`: what was measured by epoch, from 1.

    `gate`: the recorded decision, {} before it and of a run that recorded none. `used`: what steps
    used of their machines, as step, seconds since 1970 and values by name, the oldest first.
    """

    run: TrackedRun
    curve: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    gate: Mapping[str, Any] = field(default_factory=dict)
    used: tuple[tuple[str, float, Mapping[str, float]], ...] = ()


def kept(settings: Settings, run_key: str) -> Kept | None:
    """Return what is known of a run, None where MLflow does not know it.

    Raises TrackingError where its store does not answer.
    """
    tracker = connect(settings)
    run = find(tracker, run_key) if "'" not in run_key else None
    if run is None:
        return None
    name = tracker.get_experiment(run.info.experiment_id).name
    gate = read_file(run, GATE)
    decided = gate if isinstance(gate, dict) else {}
    return Kept(tracked(run, name), _curve(tracker, run), decided, _used(tracker, run))


def _curve(tracker: Any, run: Any) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for name in sorted(run.data.metrics):
        if name.startswith(CURVES):
            for each in tracker.get_metric_history(run.info.run_id, name):
                if each.step:
                    found.setdefault(each.step, {})[name] = each.value
    return dict(sorted(found.items()))


def _used(tracker: Any, run: Any) -> tuple[tuple[str, float, Mapping[str, float]], ...]:
    """Return the looks at the steps; MLflow's own metrics of the system are of no step."""
    found: dict[tuple[float, str], dict[str, float]] = {}
    for name in sorted(run.data.metrics):
        step, _, value = name.removeprefix(SYSTEM).rpartition("/")
        if name.startswith(SYSTEM) and step:
            for each in tracker.get_metric_history(run.info.run_id, name):
                found.setdefault((each.timestamp / 1000, step), {})[value] = each.value
    return tuple((step, at, values) for (at, step), values in sorted(found.items()))
