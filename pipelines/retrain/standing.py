"""What was decided last of a model's retraining: `monitor/<name>/retrain.json` of the home."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from serving.storage import partial

if TYPE_CHECKING:
    from serving.settings import Settings

FILE = "retrain.json"


@dataclass(frozen=True)
class Standing:
    """A decision that stands.

    `since`: when it was made first; `run_id`: the run that it started; `let_go`: up to when the
    schedule has been heeded. Times are ISO 8601, UTC; "" where there is none.
    """

    model: str
    version: str
    verdict: str
    cause: str
    sentence: str
    since: str
    run_id: str = ""
    let_go: str = ""

    @property
    def let_go_at(self) -> datetime | None:
        """Return up to when the schedule has been heeded."""
        return datetime.fromisoformat(self.let_go) if self.let_go else None


def path(settings: Settings, name: str) -> Path:
    """Return the file of a model."""
    return settings.home / "monitor" / name / FILE


def read(settings: Settings, name: str) -> Standing | None:
    """Return what stands; None where nothing was decided, or the file is damaged."""
    try:
        return Standing(**json.loads(path(settings, name).read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError):
        return None


def write(settings: Settings, standing: Standing) -> None:
    """Write it down, all of it or nothing."""
    file = path(settings, standing.model)
    with partial(file) as unfinished:
        unfinished.write_text(json.dumps(asdict(standing), indent=2) + "\n", encoding="utf-8")


def forget(settings: Settings, name: str) -> None:
    """Let nothing stand of a model."""
    path(settings, name).unlink(missing_ok=True)


def names(settings: Settings) -> frozenset[str]:
    """Return the models of which something stands."""
    return frozenset(each.parent.name for each in (settings.home / "monitor").glob(f"*/{FILE}"))
