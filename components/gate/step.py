"""Gate with files: an evaluation in, a recorded decision and its reasons out."""

from __future__ import annotations

import json
from pathlib import Path

from components import telling
from components.evaluation import read_scores
from components.gate import rules
from components.gate.rules import GatePolicy
from serving.storage import partial

__all__ = ["GatePolicy", "run"]

DECISION = "decision.json"


def run(evaluation: Path, policy: GatePolicy, reasons: Path, decision: Path) -> bool:
    """Write the decision and its reasons, and return whether the candidate may be registered."""
    verdict = rules.judge(read_scores(evaluation), policy)
    for reason in verdict.reasons:
        telling.note(reason)
    with partial(reasons) as unfinished:
        unfinished.write_text(rules.markdown(verdict), encoding="utf-8")
    with partial(decision) as unfinished:
        unfinished.mkdir()
        text = json.dumps(verdict.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        (unfinished / DECISION).write_text(text + "\n", encoding="utf-8")
    return verdict.promote
