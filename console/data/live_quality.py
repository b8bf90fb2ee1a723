"""How good the versions of a service were on what was labelled since, and whether it drifts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from console.data.watched import Watched, watched
from serving.errors import KanaryaError
from serving.feedback.performance import LivePerformance
from serving.feedback.read import read
from serving.feedback.words import interval, span

if TYPE_CHECKING:
    from serving.settings import Settings


@dataclass(frozen=True)
class Quality:
    """One metric of one version, with its interval at 95 % in words; "" without a label yet."""

    version: str
    metric: str
    value: str
    labels: int
    predictions: int


@dataclass(frozen=True)
class Live:
    """What is known of a service's answers; `waiting`: labels whose prediction is not known.

    `window`: of which time, in words; `trouble`: why the labels cannot be read.
    """

    watched: Watched = field(default_factory=Watched)
    qualities: tuple[Quality, ...] = ()
    waiting: int = 0
    window: str = ""
    trouble: str = ""


def live(settings: Settings, name: str) -> Live:
    """Return what is known of a service now; that labels cannot be read is a sentence of it."""
    noted = watched(settings, name)
    try:
        return of_performance(noted, read(settings, name))
    except KanaryaError as error:
        return Live(noted, trouble=str(error))


def of_performance(noted: Watched, found: LivePerformance) -> Live:
    """Return what there is to show, the newest version first."""
    qualities = (
        Quality(version, metric, value, each.labels, each.predictions)
        for version, each in reversed([*found.versions.items()])
        for metric, value in (
            [(name, interval(name, it)) for name, it in each.metrics.items()] or [("", "")]
        )
    )
    return Live(noted, tuple(qualities), found.waiting, span(found.window_s))
