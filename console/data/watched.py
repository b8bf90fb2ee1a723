"""What the watcher has noted of a model: its newest windows of traffic, and its retraining."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.monitor import windows
from components.monitor.windows import Ended
from pipelines.retrain import standing
from pipelines.retrain.standing import Standing

if TYPE_CHECKING:
    from serving.settings import Settings

SHOWN = 5


@dataclass(frozen=True)
class Watched:
    """The newest windows first; None where nothing was decided about a retraining."""

    windows: tuple[Ended, ...] = ()
    retraining: Standing | None = None


def watched(settings: Settings, name: str) -> Watched:
    """Return what is noted of a model, from two small files."""
    newest = tuple(reversed(windows.read(settings, name)[-SHOWN:]))
    return Watched(newest, standing.read(settings, name))
