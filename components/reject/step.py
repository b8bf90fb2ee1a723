"""Put the gate's reasons on the MLflow run; nothing is registered."""

from __future__ import annotations

import json
from pathlib import Path

from components import decision, outcome, recorded, tracking

REJECTED = "rejected"


def run(decided: Path, evaluation: Path, run_id: str) -> str:
    """Record the rejection on the run and return the outcome `rejected`."""
    verdict = decision.read(decided)
    scores = json.loads((evaluation / "scores.json").read_text(encoding="utf-8"))
    tracking.log_evaluation(run_id, scores["candidate"], evaluation)
    tracking.log_file(run_id, verdict.markdown(), "gate.md")
    tracking.log_file(run_id, (decided / "decision.json").read_text("utf-8"), recorded.GATE)
    tracking.tag_run(run_id, {tracking.GATE: REJECTED})
    tracking.end_run(run_id)
    outcome.tell(REJECTED, " ".join(verdict.objections))
    return REJECTED
