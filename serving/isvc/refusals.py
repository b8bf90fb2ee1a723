"""Why an API server said no: the parts of its Status object that matter."""

from __future__ import annotations

import json
from dataclasses import dataclass

_LONGEST = 300


@dataclass(frozen=True)
class Refusal:
    """HTTP status, the machine's reason (`Conflict`, `AlreadyExists`, …) and the sentence."""

    status: int
    reason: str
    message: str


def refusal_of(status: int | None, body: str | bytes | None) -> Refusal:
    """Return the refusal in a Status object; any other body becomes the sentence itself."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return Refusal(status or 0, "", text.strip()[:_LONGEST] or "no reason given")
    message = str(said.get("message") or "no reason given")
    return Refusal(status or 0, str(said.get("reason") or ""), message[:_LONGEST])
