"""What somebody asked to be run: now, or when the queue comes to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import QueueError
from pipelines.journal import RunFolder
from serving.storage import partial

if TYPE_CHECKING:
    from pipelines.spec import AnySpec

FILE = "asked.json"


@dataclass(frozen=True)
class Asked:
    """What is to be run: a spec, the sha256 its data must have, the runs that it repeats.

    `git_commit`: of the folder where it was asked for; None: of where it runs. `why`: what started
    it, where nobody asked for it.
    """

    spec: AnySpec
    data_sha256: str = ""
    made_from: Mapping[str, str] = field(default_factory=dict)
    git_commit: str | None = None
    why: str = ""


@dataclass(frozen=True)
class Place:
    """Where a run goes, what MLflow knows it by, and what is called before each of its steps."""

    folder: RunFolder
    run_key: str
    before: Callable[[str], None] = lambda step: None


@dataclass(frozen=True)
class Ticket:
    """How something was queued: how urgent, when (seconds since the epoch), by whom."""

    priority: int
    queued_at: float
    by: str = ""


def write(folder: RunFolder, asked: Asked, ticket: Ticket) -> None:
    """Write down what is queued: from this file alone the queue can be made anew."""
    record = {
        "spec": asked.spec.model_dump(mode="json"),
        "data_sha256": asked.data_sha256,
        "made_from": dict(asked.made_from),
        "git_commit": asked.git_commit,
        "why": asked.why,
        "ticket": {"priority": ticket.priority, "queued_at": ticket.queued_at, "by": ticket.by},
    }
    with partial(folder.path / FILE) as unfinished:
        unfinished.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def read(folder: RunFolder) -> Asked:
    """Return what was asked for. Raises QueueError, or UsageError for a spec that is not one."""
    from pipelines.spec import parse

    record = _record(folder)
    kept = {name: record[name] for name in ("data_sha256", "made_from", "git_commit")}
    return Asked(parse(record["spec"], folder.run_id), **kept, why=record.get("why", ""))


def ticket(folder: RunFolder) -> tuple[str, Ticket]:
    """Return the model's name and how the run was queued. Raises QueueError."""
    record = _record(folder)
    return str(record["spec"]["name"]), Ticket(**record["ticket"])


def is_queued(folder: RunFolder) -> bool:
    """Say whether the run is the queue's business: it was queued, and has not ended."""
    return (folder.path / FILE).is_file() and not folder.ended


def _record(folder: RunFolder) -> dict[str, Any]:
    path: Path = folder.path / FILE
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        record["spec"]["name"], record["ticket"], record["made_from"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise QueueError(
            f"{path} cannot be read ({error}); queue the run again with `kanarya run --queue`"
        ) from error
    return record
