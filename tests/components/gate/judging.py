"""Answers of two models to the same rows, and what the gate says of them."""

from __future__ import annotations

import numpy as np

from components.evaluation import ChampionScores, Evaluation
from components.gate import evidence, rules
from components.gate.evidence import Rows
from components.gate.policy import GatePolicy
from components.paired import Paired
from components.scores import Answers


def told(right: np.ndarray) -> Answers:
    """Return answers to rows of class 1 and 0 by turns, right where it is said."""
    truth = np.arange(len(right)) % 2
    predicted = np.where(right, truth, 1 - truth)
    return Answers((0, 1), truth, predicted, np.eye(2)[predicted])


def pair(rows: int, gained: int, lost: int) -> Paired:
    place = np.arange(rows)
    return Paired(told(place >= lost), told((place < lost) | (place >= lost + gained)))


def accuracy(given: object) -> dict[str, float]:
    assert isinstance(given, Answers)
    return {"accuracy": float(given.right.mean())}


def judged(rows: Paired, asked: GatePolicy, parts: Rows | None = None) -> rules.Verdict:
    champion = ChampionScores("3", accuracy(rows.champion)) if rows.champion else None
    evaluation = Evaluation(accuracy(rows.candidate), rows.rows, champion)
    return rules.judge(evaluation, asked, evidence.gather(asked, parts or Rows(rows)))
