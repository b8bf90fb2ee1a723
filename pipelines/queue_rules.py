"""What becomes of a run whose worker is gone, and where the tail begins: values in, values out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.journal import CANCELLED, FAILED, RUNNING, WAITING, Step
from serving.errors import UsageError

TAIL = frozenset({"evaluate", "evaluate-images", "register", "deploy"})
"""Steps that runs of one model do one after the other.

It begins with the evaluation, because the gate compares with what serves: a candidate measured
beside a champion that another run has replaced since would be judged by the wrong one.
"""
REGISTERING = frozenset({"register", "deploy"})
WORKERS, REQUEUE = "KANARYA_WORKERS", "KANARYA_REQUEUE"


@dataclass(frozen=True)
class Verdict:
    """What becomes of a run that has lost its worker: begun again, or ended with a sentence."""

    again: bool
    sentence: str


def verdict(run_id: str, steps: Sequence[Step], kills: int, requeue: int) -> Verdict:
    """Judge a run whose worker was killed, now for the `kills`th time; `requeue` are forgiven.

    A run that has begun to register is never begun again: it might be registered twice.
    """
    begun = [step.name for step in steps if step.status != WAITING]
    where = f"in {begun[-1]}" if begun else "before its first step"
    if REGISTERING & set(begun):
        return Verdict(False, _registered(run_id, where))
    if kills <= requeue:
        return Verdict(True, f"its worker was ended {where}; it is begun again")
    times = "" if kills == 1 else f" {kills} times, last"
    return Verdict(
        False,
        f"its worker was killed{times} {where} (was memory short?); "
        f"`kanarya runs restart {run_id}` repeats it",
    )


def stopped(run_id: str, steps: Sequence[Step]) -> Verdict:
    """Judge a run that `kanarya down` has interrupted: nobody counts that."""
    return verdict(run_id, steps, 0, 0)


def closed(steps: Sequence[Step], status: str, now: float) -> tuple[Step, ...]:
    """Return the steps that were under way, as they end now: failed or cancelled."""
    assert status in (FAILED, CANCELLED)
    return tuple(
        Step(step.name, status, step.started, max(now, step.started))
        for step in steps
        if step.status in (RUNNING, WAITING)
    )


def workers_asked(env: Mapping[str, str] | None = None) -> int | None:
    """Return how many workers KANARYA_WORKERS asks for; None where it is not set."""
    text = (os.environ if env is None else env).get(WORKERS)
    return checked_workers(WORKERS, text) if text else None


def checked_workers(name: str, text: str) -> int:
    """Return a number of workers, 1 to 64. Raises UsageError."""
    if text.isdecimal() and 1 <= int(text) <= 64:
        return int(text)
    raise UsageError(f"{name} is {text!r}: give a number of workers from 1 to 64.")


def requeue_asked(env: Mapping[str, str] | None = None) -> int:
    """Return how often a run whose worker was killed is begun again: KANARYA_REQUEUE, else once."""
    text = (os.environ if env is None else env).get(REQUEUE) or "1"
    if text.isdecimal() and int(text) <= 100:
        return int(text)
    raise UsageError(f"{REQUEUE} is {text!r}: give a number from 0 to 100.")


def _registered(run_id: str, where: str) -> str:
    if where == "in deploy":
        return (
            "its worker was ended in deploy, when its version was registered, so it is not begun "
            "again: `kanarya rollout resume NAME` goes on with the rollout"
        )
    return (
        f"its worker was ended {where}, and may have registered its version, so it is not begun "
        f"again: ask `kanarya models list`; `kanarya runs restart {run_id}` repeats the run"
    )
