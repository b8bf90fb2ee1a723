"""What is known of the installation itself: disk, backup, processes, runs, windows, the outbox."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import groupby, takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from components.monitor import windows as drift
from pipelines import run_row
from pipelines.alerts.deciding import Measured, Unknown
from pipelines.alerts.outbox import Outbox
from pipelines.alerts.receivers import configured
from pipelines.alerts.signals import (
    BACKUP,
    DISK,
    DOWN,
    DRIFT,
    FAILED_RUNS,
    NOT_RETRAINED,
    UNDELIVERED,
)
from pipelines.backup import newest
from pipelines.journal import RunFolder
from pipelines.processes import Process
from pipelines.retrain import standing
from pipelines.run_row import Row
from serving.local import record

if TYPE_CHECKING:
    from serving.settings import Settings

STALE_S = 7 * 86_400.0
"""What is older says nothing of today."""
NEWEST_RUNS = 8
"""Of each model."""
_IN_VAIN = ("spent", "pointless")

Found = Iterator[Measured | Unknown]


def disk(settings: Settings, _: Outbox, now: datetime) -> Found:
    """Yield how much is free."""
    home = settings.home
    yield Measured(DISK.name, float(shutil.disk_usage(home).free), {"home": str(home)})


def backup(settings: Settings, _: Outbox, now: datetime) -> Found:
    """Yield how old the newest backup is; of a home that was never backed up, nothing."""
    made = newest.read(settings.home)
    if made is None:
        return
    age = max(now.timestamp() - made.at.timestamp(), 0.0)
    yield Measured(BACKUP.name, age, {"home": str(settings.home)}, f"It is in {made.folder}.")


def processes(settings: Settings, _: Outbox, now: datetime) -> Found:
    """Yield 1 for what was started, is not there, and was not ended in order; else 0."""
    services = settings.home / "services"
    platform = record.read(settings)
    found = {
        "the platform": platform.process if platform else None,
        "the queue's supervisor": _noted(services / "workers.json"),
        "the console": _noted(services / "console.json"),
    }
    for name, process in found.items():
        if process is not None:
            yield Measured(DOWN.name, float(not process.lives()), {"process": name})


def runs(settings: Settings, _: Outbox, now: datetime) -> Found:
    """Yield how many of each model's newest runs failed one after the other."""
    root = settings.home / "runs"
    names = sorted((each.name for each in _folders(root)), key=_begun, reverse=True)
    for model, group in groupby(sorted(names, key=_model), key=_model):
        rows = [run_row.read(RunFolder(root / name)) for name in list(group)[:NEWEST_RUNS]]
        failed = _failed([row for row in rows if row], now.timestamp())
        detail = f"The newest, {failed[0].run_id}: {failed[0].sentence}" if failed else ""
        yield Measured(FAILED_RUNS.name, float(len(failed)), {"model": model}, detail)


def windows(settings: Settings, _: Outbox, now: datetime) -> Found:
    """Yield 1 for each model whose newest window differs from what it learned from, else 0."""
    for path in sorted((settings.home / "monitor").glob("*/windows.jsonl")):
        last = next(reversed(drift.read(settings, path.parent.name)), None)
        if last is None or (now - datetime.fromisoformat(last.at)).total_seconds() > STALE_S:
            continue
        labels = {"model": last.model, "version": last.version}
        detail = f"{last.sentence.rstrip('.')}." if last.sentence else ""
        yield Measured(DRIFT.name, float(last.drifted), labels, detail)


def retraining(settings: Settings, _: Outbox, now: datetime) -> Found:
    """Yield for how long each model that is worse, or is asked other things, is not trained anew.

    That a schedule finds nothing new to learn is as it should be.
    """
    for name in sorted(standing.names(settings)):
        found = standing.read(settings, name)
        if found is None or found.verdict not in _IN_VAIN or found.cause == "schedule":
            continue
        waits = (now - datetime.fromisoformat(found.since)).total_seconds()
        detail = f"{found.sentence[:1].upper()}{found.sentence[1:].rstrip('.')}."
        yield Measured(NOT_RETRAINED.name, max(waits, 1.0), {"model": found.model}, detail)


def undelivered(_: Settings, outbox: Outbox, now: datetime) -> Found:
    """Yield for how long each receiver has not taken what waits for it.

    What waits for one that is told no more is given up in time, and is nobody's fault.
    """
    told = {each.name for each in configured()}
    for each in (each for each in outbox.standings() if each.name in told):
        waits = now.timestamp() - each.oldest if each.waiting else 0.0
        detail = f"It was: {each.error}." if each.error else ""
        yield Measured(UNDELIVERED.name, max(waits, 0.0), {"receiver": each.name}, detail)


def _noted(path: Path) -> Process | None:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return Process(int(known["pid"]), float(known["create_time"]), known.get("boot", ""))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _folders(root: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        yield from root.iterdir()


def _begun(name: str) -> str:
    """Return what sorts run ids by time: `<model>-<date>-<time>-<four digits>`."""
    return name[-20:]


def _model(name: str) -> str:
    return name[:-21]


def _failed(rows: list[Row], now: float) -> list[Row]:
    """Return the newest runs up to the first that did not fail; who was cancelled does not count.

    Failures that were weeks ago are of no interest any more.
    """
    told = [row for row in rows if row.ended and row.status != "cancelled"]
    failed = [*takewhile(lambda row: row.status == "failed", told)]
    return failed if failed and now - failed[0].started < STALE_S else []
