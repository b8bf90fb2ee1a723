"""Telling nobody for a while: of which rule and subject, how long, why, and who wants it so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.nearest import instead
from pipelines.alerts import outbox
from pipelines.alerts.deciding import Silence
from pipelines.alerts.table import BY_NAME
from serving.errors import UsageError

if TYPE_CHECKING:
    from serving.settings import Settings

ALL = "all"
LONGEST_H = 24.0 * 365
LONGEST_WHY = 200


@dataclass(frozen=True)
class Quiet:
    """What somebody asks for: `rule` may be `all`, `subject` "" for each; 0 hours end a silence."""

    rule: str
    subject: str = ""
    hours: float = 2.0
    why: str = ""

    def silence(self, who: str, now: float) -> Silence:
        """Return it as the outbox keeps it. Raises UsageError for what cannot be one."""
        if self.rule != ALL and self.rule not in BY_NAME:
            raise UsageError(
                f"there is no rule {self.rule!r:.80}; {instead(self.rule, [*BY_NAME, ALL])}."
            )
        if not (math.isfinite(self.hours) and 0 <= self.hours <= LONGEST_H):
            raise UsageError(f"hours {self.hours:g}: give 0 (it ends) to {LONGEST_H:g}")
        rule = "" if self.rule == ALL else self.rule
        until = now + 3600 * self.hours
        return Silence(rule, self.subject, until, self.why[:LONGEST_WHY], who)


def silence(settings: Settings, asked: Quiet, who: str, now: float) -> Silence:
    """Keep a silence, in place of another one of the same rule and subject; return it.

    What is still wrong when it ends is told then. Raises UsageError, and AlertError where nobody
    has looked at this home yet.
    """
    wanted = checked(settings, asked, who, now)
    with outbox.opened(settings) as found:
        found.silence(wanted, now)
    return wanted


def checked(settings: Settings, asked: Quiet, who: str, now: float) -> Silence:
    """Return what `silence` would keep, and keep nothing. Raises what that raises."""
    outbox.require(settings)
    return asked.silence(who, now)
