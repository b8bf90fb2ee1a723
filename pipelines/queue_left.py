"""What a run's folder says of its place in the queue, where the database does not know it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pipelines import asked as asking
from pipelines.journal import WAITING, RunFolder
from pipelines.processes import Process
from pipelines.queue_rules import TAIL
from pipelines.queue_store import Claim


@dataclass(frozen=True)
class Left:
    """A run that has not ended; `worker`: in whose process it is or was, None where in nobody's."""

    run_id: str
    model: str
    priority: int
    queued_at: float
    worker: Process | None
    tail: bool

    def claim(self) -> Claim:
        """Return the claim of a run that has begun; its number and its message are still open."""
        known = (self.run_id, self.model, 0, self.priority, "", self.worker)
        return Claim(*known, since=time.time(), tail=self.tail)


def found(folder: RunFolder) -> Left:
    """Return what the folder of a run says that was queued and has not ended.

    Raises QueueError where what was asked for cannot be read.
    """
    model, ticket = asking.ticket(folder)
    tail = any(step.name in TAIL and step.status != WAITING for step in folder.steps())
    return Left(folder.run_id, model, ticket.priority, ticket.queued_at, folder.owner(), tail)
