"""Trying out who is told: one test to each of them, now, past the outbox."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from pipelines.alerts import receivers, sending
from pipelines.alerts.alert import alert
from pipelines.alerts.receivers import Receiver
from pipelines.alerts.rule import Severity
from serving.errors import UsageError

SENTENCE = "This is a test: alerts of this installation come here."


def tried() -> dict[str, str]:
    """Send a test to everybody who is told; return what went wrong by name, "" where nothing did.

    Raises UsageError where nobody is told.
    """
    return {each.name: _tried(each) for each in told()}


def told() -> tuple[Receiver, ...]:
    """Return everybody who is told. Raises UsageError where nobody is."""
    found = receivers.configured()
    if not found:
        raise UsageError(
            f"nobody is told: put addresses into {receivers.ADDRESSES}, or the path of a file of "
            f"them into {receivers.FILE} (`https://…`, `slack+https://…`, `smtps://…`)."
        )
    return found


def _tried(receiver: Receiver) -> str:
    made = alert("KanaryaTest", Severity.INFO, {}, SENTENCE, datetime.now(UTC))
    try:
        with sending.to(receiver) as send:
            return send(replace(made, id=f"{made.id}/{receiver.name}"))
    except sending.NotTaken as error:
        return str(error)
