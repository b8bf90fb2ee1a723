"""Finding what may go in an installation, and letting it go."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from components import removal
from components.removal import Registered
from pipelines import run_trash
from pipelines.backup.alone import alone, home_lock
from pipelines.cleaning.rules import DAY_S, Judged, Needed, Policy, judge_runs, judge_versions
from pipelines.journal import RunFolder
from pipelines.run_row import Row, read
from serving.errors import PlatformError, UsageError
from serving.isvc.resource import PLURAL
from serving.rollout.ledger import StoredLedger
from serving.settings import Settings
from serving.storage import local_path


@dataclass(frozen=True)
class Found:
    """Everything that was looked at."""

    versions: tuple[Judged, ...]
    runs: tuple[Judged, ...]


def look(settings: Settings, policy: Policy, now: float | None = None) -> Found:
    """Return which versions and runs may go, and why the others stay; nothing is changed.

    Raises KanaryaError where it cannot be known what is needed: a cluster that does not answer, a
    ledger that is damaged.
    """
    now = time.time() if now is None else now
    versions = removal.registered()
    needed = Needed(tuple(_services(settings)), _ledgers(settings, policy, versions))
    judged = judge_versions(versions, needed, policy, now)
    stay = {
        each.what.run: str(each.what)
        for each in judged
        if each.stays and isinstance(each.what, Registered) and each.what.run
    }
    return Found(tuple(judged), tuple(judge_runs(_rows(settings), stay, policy, now)))


def go(settings: Settings, found: Found, policy: Policy) -> None:
    """Take away what may go: versions for good, runs to the trash, what is old there for good.

    Raises BackupError while the home is backed up.
    """
    with alone(home_lock(settings.home)):
        _go(settings, found, policy)


def _go(settings: Settings, found: Found, policy: Policy) -> None:
    for each in found.versions:
        if not each.stays and isinstance(each.what, Registered):
            removal.remove_version(settings, each.what)
    for each in found.runs:
        if not each.stays and isinstance(each.what, Row):
            removal.remove_run(settings, each.what.run_id)
            run_trash.delete(settings, each.what.run_id, policy.days * DAY_S)
    run_trash.empty(settings, policy.days * DAY_S)


def _rows(settings: Settings) -> Iterator[Row]:
    root = settings.home / "runs"
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        row = read(RunFolder(path))
        if row:
            yield row


def _services(settings: Settings) -> Iterator[str]:
    """Yield the text of every service: the local platform's, up or down, and a cluster's."""
    database = settings.home / "services" / "platform.db"
    if database.is_file():
        yield from _objects(database)
    if not settings.kubeconfig.is_relative_to(settings.home):
        from serving.isvc.client import connect

        for view in connect(settings.kubeconfig, settings.namespace).list():
            yield json.dumps(asdict(view), default=str)


def _objects(database: Path) -> list[str]:
    """Return the services, and what each of them names (its revisions that may have traffic)."""
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as opened:
            rows = opened.execute("SELECT resource, name, body FROM objects").fetchall()
    except sqlite3.Error as error:
        raise PlatformError(
            f"{database} cannot be read ({error}), so it is not known what is served; "
            "see `kanarya doctor`"
        ) from error
    services = [body for resource, _, body in rows if resource == PLURAL]
    named = [body for _, name, body in rows if any(f'"{name}"' in each for each in services)]
    return [*services, *named]


def _ledgers(settings: Settings, policy: Policy, versions: list[Registered]) -> frozenset[str]:
    ledger = StoredLedger(settings.ledger, settings.namespace)
    records = [
        record
        for name in sorted({each.name for each in versions})
        for record in ledger.chain(name).records[-policy.ledger :]
    ]
    models = [model for each in records for model in (each.entry.to, each.entry.before)]
    return frozenset(model.uri for model in models if model and model.uri)


def size(settings: Settings, judged: Judged) -> int:
    """Return the bytes that lie on this machine of a version or a run."""
    if isinstance(judged.what, Row):
        path: Path | None = settings.home / "runs" / judged.what.run_id
    else:
        path = local_path(judged.what.uri) if judged.what.uri else None
    if path is None or not path.is_dir():
        return 0
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def require(policy: Policy) -> None:
    """Raise UsageError where a policy would not keep even the newest."""
    if min(policy.versions, policy.runs, policy.ledger) < 1 or not policy.days >= 0:  # NaN, too
        raise UsageError("keep at least 1 version, 1 run and 1 record, and days from 0 on")
