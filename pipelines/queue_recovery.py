"""Runs whose worker is gone: begun again or ended with a sentence, by whoever notices first."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import attempts, queue_rules
from pipelines.journal import CANCELLED, FAILED, Result
from pipelines.processes import end_group
from serving.local import record

if TYPE_CHECKING:
    from pipelines.queue import Queue
    from pipelines.queue_rules import Verdict
    from pipelines.queue_store import Claim

ROOT = Path(__file__).resolve().parents[1]


def recover(queue: Queue, requeue: int) -> list[str]:
    """Settle every claim whose worker is gone; return the ids of those runs.

    Safe in many processes at once, and where one of them is killed on the way.
    """
    if not _orphans(queue):
        return []
    with record.locked(record.services(queue.settings) / "queue-recovery.lock", wait=True):
        found = _orphans(queue)
        for claim in found:
            assert claim.worker is not None
            # A step outlives its run by some seconds, and may still write into its folder.
            end_group(claim.worker, "KANARYA_HOME", str(queue.settings.home))
            _settle_killed(queue, claim, requeue)
        return [claim.run_id for claim in found]


def _orphans(queue: Queue) -> list[Claim]:
    return [each for each in queue.store.claims() if each.worker and not each.worker.lives()]


def _settle_killed(queue: Queue, claim: Claim, requeue: int) -> None:
    folder = queue.folder(claim.run_id)
    kills = attempts.kills(folder) + 1
    found = queue_rules.verdict(claim.run_id, folder.steps(), kills, requeue)
    settle(queue, claim, found, killed=True)


def settle(queue: Queue, claim: Claim, found: Verdict, *, killed: bool) -> None:
    """Do with a run that was interrupted what was decided; one that somebody cancelled ends."""
    folder = queue.folder(claim.run_id)
    if folder.ended:
        queue.store.end(claim.run_id)
    elif claim.cancelled_by:
        close(queue, claim.run_id, CANCELLED, f"cancelled by {claim.cancelled_by}")
    elif found.again:
        attempts.put_aside(folder, killed=killed, sentence=found.sentence)
        queue.store.change(claim.run_id, worker=None, tail=False, waits_for="")
    else:
        close(queue, claim.run_id, FAILED, found.sentence)


def close(queue: Queue, run_id: str, outcome: str, sentence: str) -> None:
    """Write down how a run ended, with the steps that were under way, and forget its claim."""
    folder, now = queue.folder(run_id), time.time()
    steps = folder.steps()
    for step in queue_rules.closed(steps, outcome, now):
        folder.append(step)
    seconds = max(0.0, now - min((step.started for step in steps), default=now))
    if steps:
        _close_tracked(queue, attempts.key(folder), sentence)
    ended = Result(run_id, outcome, sentence, seconds=seconds, steps=folder.steps())
    folder.close(replace(ended, metrics=folder.metrics()))
    queue.store.end(run_id)


def _close_tracked(queue: Queue, run_key: str, sentence: str) -> None:
    """Close the MLflow run in a process of its own: importing MLflow costs a hundred megabytes."""
    code = "import sys; from components.tracking import fail_runs; fail_runs(*sys.argv[1:])"
    with (record.made(queue.settings.home / "logs") / "workers.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-c", code, run_key, sentence],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env=queue.environment(),
            start_new_session=True,
        )
