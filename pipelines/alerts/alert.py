"""One thing that somebody is told, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipelines.alerts.rule import Severity

LONGEST = 2000
"""Characters of a sentence: what a library said may be anything."""


@dataclass(frozen=True)
class Alert:
    """What is told.

    id      what it is known by: of two with the same id one is told
    at      when, ISO 8601 in UTC      subject  what it is about, as `iris/3`
    labels  the same in parts, and `state`: firing or over
    """

    id: str
    at: str
    rule: str
    severity: Severity
    subject: str
    sentence: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what a webhook is sent."""
        return {**asdict(self), "severity": self.severity.value, "labels": dict(self.labels)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Alert:
        """Return what `to_json` gave."""
        return cls(**{**value, "severity": Severity(value["severity"])})


def alert(
    rule: str, severity: Severity, labels: Mapping[str, str], sentence: str, now: datetime
) -> Alert:
    """Return an alert of this moment; one a second of a rule and a subject."""
    named = subject(labels)
    stamp = now.astimezone(UTC)
    return Alert(
        id=identity(rule, named, stamp),
        at=stamp.isoformat(timespec="seconds"),
        rule=rule,
        severity=severity,
        subject=named,
        sentence=sentence if len(sentence) <= LONGEST else f"{sentence[: LONGEST - 1]}…",
        labels=dict(labels),
    )


def identity(rule: str, subject: str, at: datetime) -> str:
    """Return the id of what began or happened at a moment (UTC)."""
    return "/".join(filter(None, (rule, subject, f"{at:%Y%m%dT%H%M%SZ}")))


def subject(labels: Mapping[str, str]) -> str:
    """Name a subject by the values of its labels; "" for the installation itself."""
    return "/".join(labels.values())
