"""The gate's recorded decision, as the steps behind the gate read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from components.errors import GateError


@dataclass(frozen=True)
class Decision:
    """Whether the candidate may be registered, and the sentences that say why."""

    promote: bool
    reasons: tuple[str, ...]

    def markdown(self) -> str:
        """Return the decision as a short Markdown text."""
        word = "passed" if self.promote else "rejected"
        return "\n".join(
            [f"**The gate {word} this candidate.**", "", *[f"- {r}" for r in self.reasons]]
        )


def read(directory: Path) -> Decision:
    """Return the decision recorded by the gate; anything but a clear yes or no is an error."""
    path = directory / "decision.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        promote, reasons = record["promote"], record["reasons"]
    except (OSError, ValueError, KeyError) as error:
        raise GateError(
            f"{path}: the gate's decision cannot be read; run the pipeline again"
        ) from error
    if promote is not True and promote is not False:
        raise GateError(
            f"{path}: promote is {promote!r}, neither true nor false; run the pipeline again"
        )
    return Decision(promote, tuple(str(reason) for reason in reasons))
