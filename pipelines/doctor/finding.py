"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """`unknown`: it could not be looked at, which is not the same as wrong."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is in words, and the command that cures it; "" where it is ok."""

    check: str
    health: Health
    says: str
    cure: str = ""


def ok(check: str, says: str) -> Finding:
    """Return that it is well."""
    return Finding(check, Health.OK, says)


def wrong(check: str, says: str, cure: str) -> Finding:
    """Return that it is broken, and what cures it."""
    return Finding(check, Health.WRONG, says, cure)


def warning(check: str, says: str, cure: str) -> Finding:
    """Return that it works today, and what is better done."""
    return Finding(check, Health.WARNING, says, cure)


def unknown(check: str, says: str, cure: str) -> Finding:
    """Return that nobody can tell, and what makes it known."""
    return Finding(check, Health.UNKNOWN, says, cure)
