"""An alert in the words of who receives it. Pure."""

from __future__ import annotations

import json
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from urllib.parse import quote

from pipelines.alerts.alert import Alert
from pipelines.alerts.receivers import SLACK, Receiver
from pipelines.alerts.rule import Severity

KEY = "Idempotency-Key"
"""The header that says which alert it is (draft-ietf-httpapi-idempotency-key-header)."""
_SIGNS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}


def key(alert: Alert) -> str:
    """Return the alert's id as a header can have it."""
    return quote(alert.id, safe="/:.-_ ")


def body(alert: Alert, kind: str) -> bytes:
    """Return what is posted: to a webhook all of it, to Slack its sentence."""
    if kind == SLACK:
        text = f"{_SIGNS[alert.severity]} {_unmarked(alert.sentence)}"
        return json.dumps({"text": text}, ensure_ascii=False).encode()
    return json.dumps(alert.to_json(), ensure_ascii=False).encode()


def mail(alert: Alert, receiver: Receiver) -> EmailMessage:
    """Return the alert as a letter; one that is sent twice has the same Message-ID."""
    made = EmailMessage()
    made["From"], made["To"] = receiver.sender, ", ".join(receiver.to)
    title = f"[{alert.severity}] {alert.rule}: {alert.subject or 'this installation'}"
    made["Subject"] = " ".join(title.split())
    made["Date"] = format_datetime(datetime.fromisoformat(alert.at))
    domain = receiver.sender.rpartition("@")[2]
    made["Message-ID"] = f"<{sha256(alert.id.encode()).hexdigest()[:32]}@{domain}>"
    made["X-Kanarya-Alert"] = key(alert)
    known = "\n".join(f"{name}: {value}" for name, value in alert.labels.items())
    made.set_content(f"{alert.sentence}\n\n{known}\nat: {alert.at}\n")
    return made


def _unmarked(text: str) -> str:
    """Return a text that Slack shows as it is: a model's name links and calls nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
