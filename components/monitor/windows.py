"""What became of each window of traffic, a line each: `monitor/<name>/windows.jsonl` of the home.

The looks themselves, with all counts, are kept beside the ledger (`components.monitor.record`);
this is for whoever asks often: a rule, an alert, a page. Importing it is cheap.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving.lasting import after_torn
from serving.storage import partial

if TYPE_CHECKING:
    from components.monitor.record import Look, Windows
    from serving.settings import Settings

MOST_LINES = 2000
"""Beyond, the older half goes."""
MOST_READ = 200
"""Looks that are read for the newest windows."""


@dataclass(frozen=True)
class Ended:
    """A window that is closed, or has drifted already: what it was found to be.

    `at`, `opened_at`: ISO 8601, UTC; `columns`: those that drifted, the surest first.
    """

    at: str
    model: str
    version: str
    rows: int
    drifted: bool
    columns: tuple[str, ...]
    sentence: str
    opened_at: str

    @classmethod
    def of(cls, look: Look) -> Ended | None:
        """Return what a look has found out about its window; None where it must go on."""
        said = look.judgement
        drifted = said["verdict"] == "drift"
        if not drifted and not look.is_closed:
            return None
        alarms = [each for each in said["findings"] if each["is_alarm"]]
        surest = sorted(alarms, key=lambda each: (each["p"], -abs(each["effect"])))
        columns = tuple(dict.fromkeys(str(each["column"]) for each in surest))
        told = str(said["sentence"])
        return cls(
            look.at,
            look.service,
            look.version,
            int(said["rows"]),
            drifted,
            columns,
            told,
            look.opened_at,
        )

    @property
    def window(self) -> tuple[str, str]:
        """What tells the window from all others of the model."""
        return self.version, self.opened_at


def path(settings: Settings, name: str) -> Path:
    """Return the file of a model's windows."""
    return settings.home / "monitor" / name / "windows.jsonl"


def note(settings: Settings, look: Look) -> None:
    """Add the look's window where it has come to something; a window is noted once."""
    found, file = Ended.of(look), path(settings, look.service)
    if found is None:
        return
    known = read(settings, look.service)
    if found.window in {each.window for each in known}:
        return
    if len(known) >= MOST_LINES:
        _write(file, known[MOST_LINES // 2 :])
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+b") as lines:
        lines.write(after_torn(lines) + _line(found).encode())


def read(settings: Settings, name: str) -> tuple[Ended, ...]:
    """Return a model's windows, the oldest first; a line that was torn by a kill is left out."""
    try:
        lines = path(settings, name).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    return tuple(found for line in lines if (found := _read(line)))


def of_looks(kept: Windows, version: str, most: int) -> tuple[Ended, ...]:
    """Return the newest windows of a version, the oldest first, from the looks that were kept."""
    found: dict[str, Ended] = {}
    for name in reversed(kept.names()[-MOST_READ:]):
        look = kept.read(name)
        ended = Ended.of(look) if look.version == version else None
        if ended and (ended.drifted or look.opened_at not in found):
            found[look.opened_at] = ended
        if len(found) > most:
            break
    return tuple(reversed([*found.values()][:most]))


def _read(line: str) -> Ended | None:
    try:
        value: dict[str, Any] = json.loads(line)
        return Ended(**{**value, "columns": tuple(value["columns"])})
    except (KeyError, TypeError, ValueError):
        return None


def _write(file: Path, found: tuple[Ended, ...]) -> None:
    with partial(file) as unfinished:
        unfinished.write_text("".join(map(_line, found)), encoding="utf-8")


def _line(found: Ended) -> str:
    return json.dumps(asdict(found), ensure_ascii=False) + "\n"
