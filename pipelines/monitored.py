"""Look at the windows of what is live, seldom enough that a look always sees something new."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from components.monitor import record, step, windows
from components.monitor.record import Look, Windows
from components.monitor.rules import FEWEST_ROWS
from pipelines.retrain import models
from pipelines.retrain.models import Model

if TYPE_CHECKING:
    from pipelines.retrain_spec import Retrain
    from serving.settings import Settings

MOST_LOOKS = 500
"""Of a service, so many are kept; the older ones go."""


def look(settings: Settings, now: datetime) -> None:
    """Look at the window of every live model for which it is time; a look is written down.

    Raises KanaryaError once all have been looked at.
    """
    look_by(settings, lambda model: model.policy)


def look_by(settings: Settings, policy_of: Callable[[Model], Retrain | None]) -> None:
    """Look as `look` does; `policy_of` says by which policy a model is trained again, if any."""
    models.each(settings, lambda model: _look(settings, model, _rows(policy_of(model))))


def is_due(rows: int, looked_at: int, whole: int) -> bool:
    """Say whether a window of so many rows is to be looked at.

    `looked_at`: its rows at the last look, 0 before the first; `whole`: rows that close it. Each
    look costs some of the certainty of all later ones, so there must be twice as many rows.
    """
    return rows >= max(FEWEST_ROWS, min(whole, 2 * looked_at))


def _look(settings: Settings, model: Model, whole: int) -> None:
    sketch = step.sketch_of(model.view)
    if sketch is None:
        return
    kept = Windows(step.place(model.name, settings))
    last, asked = kept.last(str(sketch["version"])), step.Asked(rows=whole)
    if is_due(*_seen(last, sketch), asked.rows):
        windows.note(settings, step.look(model.name, asked, settings))
        kept.keep(MOST_LOOKS)


def _rows(policy: Retrain | None) -> int:
    """Return after how many rows a window is closed."""
    drift = policy.when.drift if policy else None
    return drift.rows if drift else step.ROWS


def _seen(last: Look | None, sketch: Mapping[str, Any]) -> tuple[int, int]:
    """Return the rows of the window that goes on, now and at the last look."""
    opened = record.opened(last, str(sketch["version"]), "")
    rows = record.rows(opened.start, {sketch["instance"]: sketch})
    goes_on = last is not None and opened.look > 1
    return rows, int(last.judgement["rows"]) if last and goes_on else 0
