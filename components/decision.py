"""The gate's recorded decision, as the steps behind the gate read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components import servable
from components.errors import GateError

CHAMPION = "champion"
"""The name of the check that compares the two."""


@dataclass(frozen=True)
class Decision:
    """Whether the candidate may be registered, and the sentences that say why.

    `policy`: what it was asked to show. `verdict` on the champion: better, non_inferior, worse or
    cannot_tell; empty where the two were not compared. `servability`: how it was served.
    `objections`: those of the reasons that spoke against it.
    """

    promote: bool
    reasons: tuple[str, ...]
    policy: Mapping[str, Any] = field(default_factory=dict)
    verdict: str = ""
    servability: Mapping[str, float] = field(default_factory=dict)
    objections: tuple[str, ...] = ()

    def markdown(self) -> str:
        """Return the decision as a short Markdown text."""
        word = "passed" if self.promote else "rejected"
        said = [*self.reasons, *([servable.summary(self.servability)] if self.servability else [])]
        return "\n".join([f"**The gate {word} this candidate.**", "", *[f"- {r}" for r in said]])


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
    said, policy = tuple(str(reason) for reason in reasons), dict(record.get("policy") or {})
    served = dict(record.get("servability") or {})
    return Decision(promote, said, policy, _verdict(record), served, tuple(_objections(record)))


def _objections(record: Mapping[str, Any]) -> Iterator[str]:
    yield from (check["sentence"] for check in record.get("checks", ()) if not check["passed"])


def _verdict(record: Mapping[str, Any]) -> str:
    found = [
        check.get("finding") for check in record.get("checks", ()) if check["name"] == CHAMPION
    ]
    return str(found[0]["outcome"]) if found and found[0] else ""
