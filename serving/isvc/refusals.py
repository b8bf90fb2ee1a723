"""Why an API server said no: the parts of its Status object that matter."""

from __future__ import annotations

import json
from dataclasses import dataclass

_LONGEST = 300
_PASSING = (429, 500, 502, 503, 504)
"""Too many requests, a database or a webhook that does not answer, an API server that starts."""


@dataclass(frozen=True)
class Refusal:
    """HTTP status, the machine's reason (`Conflict`, `AlreadyExists`, …) and the sentence."""

    status: int
    reason: str
    message: str

    @property
    def may_pass(self) -> bool:
        """Say whether the same request may do later; whether it was carried out nobody knows."""
        return self.status in _PASSING


def refusal_of(status: int | None, body: str | bytes | None) -> Refusal:
    """Return the refusal in a Status object; any other body becomes the sentence itself."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return Refusal(status or 0, "", _line(text))
    return Refusal(
        status or 0, str(said.get("reason") or ""), _line(str(said.get("message") or ""))
    )


def _line(text: str) -> str:
    """Return a sentence of one line; webhooks write paragraphs."""
    return " ".join(text.split())[:_LONGEST] or "no reason given"
