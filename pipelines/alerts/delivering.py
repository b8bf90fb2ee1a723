"""Telling it: each alert in the outbox to each receiver, again and again until it has it.

A receiver that fails is left alone for ever longer, up to `LONGEST_S`, or for as long as it asks;
what failed goes behind what was not tried yet, so that one alert that it cannot take does not keep
the others.
"""

from __future__ import annotations

import fcntl
import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pipelines.alerts import outbox as outboxes
from pipelines.alerts import receivers, sending
from pipelines.alerts.outbox import Outbox, Standing
from pipelines.alerts.receivers import Receiver
from pipelines.errors import AlertError

if TYPE_CHECKING:
    from serving.settings import Settings

FIRST_S, LONGEST_S, ASKED_S = 1.0, 300.0, 3600.0
"""A receiver that fails is left alone for the first, then longer; the last is what it may ask."""
ROUND_S = 15.0
"""A round ends after so long; what is left waits for the next one."""
AT_ONCE = 500

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """What came of a round."""

    delivered: int = 0
    failed: int = 0


def deliver(settings: Settings, now: datetime) -> Round:
    """Tell what waits; one process of a home at a time. Raises AlertError and UsageError."""
    found = receivers.configured()
    if not outboxes.path(settings).is_file():
        return Round()
    with _alone(settings) as mine, outboxes.opened(settings) as outbox:
        if not mine:
            return Round()
        began = time.monotonic()
        start = now.timestamp()
        outbox.send_out([each.name for each in found], start)
        rounds = [
            _round(outbox, each, _Clock(start, began, ROUND_S * share / len(found)))
            for share, each in enumerate(found, start=1)
        ]
    return Round(sum(each.delivered for each in rounds), sum(each.failed for each in rounds))


@dataclass(frozen=True)
class _Clock:
    """The time of a round, which began at a moment (seconds since 1970) and may last so long."""

    start: float
    began: float
    lasts_s: float

    def now(self) -> float:
        return self.start + time.monotonic() - self.began

    def is_over(self) -> bool:
        return time.monotonic() - self.began > self.lasts_s


def _round(outbox: Outbox, receiver: Receiver, clock: _Clock) -> Round:
    known = {each.name: each for each in outbox.standings()}.get(receiver.name)
    if known is None or not known.waiting or _is_left_alone(known, clock.now()):
        return Round()
    delivered = 0
    with sending.to(receiver) as send:
        for alert in outbox.waiting(receiver.name, AT_ONCE):
            if clock.is_over():
                break
            outbox.trying(receiver.name, alert.id)
            try:
                left_out = send(alert)
            except sending.NotTaken as error:
                rest = max(error.wait_s, pause_s(known.failures if not delivered else 0))
                until = clock.now() + min(rest, ASKED_S)
                outbox.failed(receiver.name, alert.id, str(error), until)
                return Round(delivered, 1)
            if left_out:
                log.warning("%s: %s", alert.id, left_out)
            outbox.delivered(receiver.name, alert.id, clock.now(), left_out)
            delivered += 1
    return Round(delivered)


def _is_left_alone(known: Standing, now: float) -> bool:
    """Say whether it is not asked yet; what is farther away than any pause is a clock's jump."""
    return now < known.not_before <= now + ASKED_S


def pause_s(failures: int, chance: Callable[[], float] = random.random) -> float:
    """Return for how long a receiver that failed so often before is left alone.

    Twice as long each time; the last fifth is drawn, so that many homes do not come at once.
    """
    longest = min(FIRST_S * 2.0 ** min(failures, 30), LONGEST_S)
    return longest * (0.8 + 0.2 * chance())


@contextmanager
def _alone(settings: Settings) -> Iterator[bool]:
    """Hold the lock of who delivers; False where somebody does. It ends with this process."""
    path = outboxes.path(settings).with_name("deliver.lock")
    try:
        file = path.open("a")
    except OSError as error:
        raise AlertError(f"{path} cannot be written ({error.strerror}): make room") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
