"""Gate with files: an evaluation in, a recorded decision and its reasons out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from components import paired, rows, servable, telling
from components.evaluation import read_scores
from components.gate import evidence, policy, rules
from components.gate.evidence import Rows
from components.gate.policy import GatePolicy, champion, guards
from serving.storage import partial

__all__ = ["GatePolicy", "Inputs", "champion", "guards", "run"]

DECISION = "decision.json"


@dataclass(frozen=True)
class Inputs:
    """The evaluation, the test part (read where slices are guarded), and how it was served."""

    evaluation: Path
    test: Path
    served: Path


def run(inputs: Inputs, asked: GatePolicy, reasons: Path, decision: Path) -> bool:
    """Write the decision and its reasons, and return whether the candidate may be registered.

    Raises `UsageError` for a policy that cannot be judged by.
    """
    policy.checked(asked)
    found = evidence.gather(asked, _rows(inputs, asked))
    served = servable.read(inputs.served)
    verdict = rules.judge(read_scores(inputs.evaluation), asked, found)
    verdict = rules.with_checks(verdict, served.checks)
    for reason in verdict.reasons:
        telling.note(reason)
    with partial(reasons) as unfinished:
        unfinished.write_text(rules.markdown(verdict), encoding="utf-8")
    with partial(decision) as unfinished:
        unfinished.mkdir()
        record = {**verdict.to_json(), "servability": dict(served.metrics)}
        text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
        (unfinished / DECISION).write_text(text + "\n", encoding="utf-8")
    return verdict.promote


def _rows(inputs: Inputs, asked: GatePolicy) -> Rows:
    answers = paired.read(inputs.evaluation)
    if not asked.slices:
        return Rows(answers)
    given = rows.part(inputs.test)
    return Rows(answers, given.schema.inputs, given.cells)
