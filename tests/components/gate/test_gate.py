"""What the gate lets through, and what it says."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components import decision, paired, servable
from components.evaluation import ChampionScores, Evaluation, read_scores, write_scores
from components.gate import rules, step
from components.gate.policy import ChampionPolicy, GatePolicy
from components.number_scores import Estimates
from components.paired import Paired

NONE: dict[str, float] = {}


def verdict(
    candidate: dict[str, float],
    floor: dict[str, float] = NONE,
    champion: ChampionScores | None = None,
    metric: str = "accuracy",
    margin: float = 0.0,
) -> rules.Verdict:
    policy = GatePolicy(floor, ChampionPolicy(metric, margin))
    return rules.judge(Evaluation(candidate, 100, champion), policy)


@pytest.mark.parametrize(
    ("candidate", "floor", "promote", "sentence"),
    [
        ({"accuracy": 0.9}, {}, True, "There is no champion yet to compare with."),
        ({"accuracy": 0.9}, {"accuracy": 0.9}, True, "accuracy 0.9 is at least 0.9."),
        ({"accuracy": 0.89}, {"accuracy": 0.9}, False, "accuracy 0.89 should be at least 0.9."),
        ({"log_loss": 0.3}, {"log_loss": 0.5}, True, "log_loss 0.3 is at most 0.5."),
        ({"log_loss": 0.6}, {"log_loss": 0.5}, False, "log_loss 0.6 should be at most 0.5."),
        ({"rmse": 99.5}, {"rmse": 100}, True, "rmse 99.5 is at most 100."),
        ({"rmse": 1e6}, {"rmse": 100}, False, "rmse 1000000 should be at most 100."),
        ({"r2": -3}, {"r2": 0.5}, False, "r2 -3 should be at least 0.5."),
        ({"rmse": 2e-6}, {"rmse": 1e-6}, False, "rmse 2e-06 should be at most 1e-06."),
        ({"accuracy": math.nan}, {"accuracy": 0.0}, False, "accuracy could not be measured"),
        ({"accuracy": 1.0}, {"accuracy": math.nan}, False, "accuracy 1 should be at least nan."),
        ({"log_loss": math.nan}, {"log_loss": 9.0}, False, "log_loss could not be measured"),
        ({"accuracy": 0.9}, {"roc_auc": 0.5}, False, "roc_auc could not be measured"),
        ({"accuracy": 0.9}, {"acuracy": 0.5}, False, "did you mean accuracy"),
        ({"accuracy": 0.9}, {"zzz": 0.5}, False, "There is no metric 'zzz'; known are accuracy,"),
    ],
)
def test_a_floor_is_a_limit_for_one_metric(
    candidate: dict[str, float], floor: dict[str, float], promote: bool, sentence: str
) -> None:
    given = verdict(candidate, floor)
    assert given.promote is promote
    assert any(sentence in reason for reason in given.reasons)


@pytest.mark.parametrize(
    ("mine", "theirs", "metric", "margin", "promote"),
    [
        (0.95, 0.95, "accuracy", 0.0, True),
        (0.95, 0.96, "accuracy", 0.0, False),
        (0.95, 0.96, "accuracy", 0.01, True),  # 0.96 - 0.01 is a hair above 0.95 in binary
        (0.3, 0.1 + 0.2, "accuracy", 0.0, True),
        (0.949, 0.96, "accuracy", 0.01, False),
        (0.97, 0.96, "accuracy", -0.02, False),  # a negative margin asks for more
        (0.40, 0.50, "log_loss", 0.0, True),
        (0.50, 0.40, "log_loss", 0.0, False),
        (0.50, 0.40, "log_loss", 0.1, True),
        (math.nan, 0.5, "accuracy", 1.0, False),
        (0.9, math.nan, "accuracy", 1.0, False),
        (0.9, 0.5, "accuracy", math.nan, False),
        (0.9, 0.99, "", 0.0, True),
        (593.0, 590.0, "rmse", 5.0, True),
        (596.0, 590.0, "rmse", 5.0, False),
        (0.9, 0.1, "acuracy", 0.0, False),
    ],
)
def test_a_candidate_may_be_worse_than_the_champion_by_the_margin_only(
    mine: float, theirs: float, metric: str, margin: float, promote: bool
) -> None:
    names = ("accuracy", "log_loss", "rmse")
    champion = ChampionScores("3", dict.fromkeys(names, theirs), 0.9)
    given = verdict(dict.fromkeys(names, mine), {}, champion, metric, margin)
    assert given.promote is promote


def test_the_comparison_tells_both_numbers_and_the_version() -> None:
    champion = ChampionScores("7", {"accuracy": 0.91234}, 0.9)
    (reason,) = verdict({"accuracy": 0.9}, {}, champion, margin=0.005).reasons
    assert reason == (
        "accuracy 0.9 is worse than the champion's 0.9123 (version 7) by more than 0.005, "
        "on the same test rows."
    )


@pytest.mark.parametrize(
    ("champion", "why"),
    [
        (ChampionScores("3", error="model.onnx is missing."), "model.onnx is missing;"),
        (ChampionScores("3", {"log_loss": 0.1}), "it has no accuracy on these test rows;"),
    ],
)
def test_a_champion_that_could_not_be_scored_stops_the_promotion_with_a_remedy(
    champion: ChampionScores, why: str
) -> None:
    given = verdict({"accuracy": 1.0}, {}, champion)
    assert not given.promote
    assert why in given.reasons[0]
    assert "set gate.champion.metric to an empty text" in given.reasons[0]
    assert verdict({"accuracy": 1.0}, {}, champion, metric="").promote


LIVE = {"value": 0.8, "low": 0.7, "high": 0.88}


@pytest.mark.parametrize(
    ("metrics", "sentence"),
    [
        (
            {"accuracy": LIVE},
            "Live, the champion (version 3) has accuracy 0.8 (0.7 to 0.88) on 1,200 predictions of "
            "the last 30 days whose labels have come; on these test rows it has 0.9, which is "
            "outside: what it is asked differs from them.",
        ),
        (
            {"accuracy": {**LIVE, "high": 0.95}},
            "Live, the champion (version 3) has accuracy 0.8 (0.7 to 0.95) on 1,200 predictions of "
            "the last 30 days whose labels have come; on these test rows it has 0.9.",
        ),
        (
            {"mae": {"value": 2.0, "low": 0.0, "high": None}},
            "Live, the champion (version 3) has mae 2 (one label bounds nothing) on 1,200 "
            "predictions of the last 30 days whose labels have come.",
        ),
    ],
    ids=["outside", "inside", "one label"],
)
def test_the_champions_live_performance_is_told_and_decides_nothing(
    metrics: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    live = {"predictions": 5000, "labels": 1200, "metrics": metrics, "window_s": 30 * 86_400}
    champion = ChampionScores("3", {"accuracy": 0.9}, 0.9, live=live)
    write_scores(tmp_path, Evaluation({"accuracy": 0.91}, 40, champion))
    told = read_scores(tmp_path).champion
    given = verdict({"accuracy": 0.91}, {}, told)
    assert given.reasons[-1] == sentence
    assert given.promote
    assert [check.name for check in given.checks] == ["champion", "live"]


def test_every_check_is_made_and_what_speaks_against_comes_first() -> None:
    floor = {"accuracy": 0.1, "f1_macro": 0.99}
    given = verdict({"accuracy": 0.9, "f1_macro": 0.5}, floor)
    assert [check.passed for check in given.checks] == [True, False, True]
    assert given.reasons[0].startswith("f1_macro 0.5 should be")


@pytest.mark.parametrize("floor", [{"accuracy": 0.9}, {"accuracy": 0.99}, {"acuracy": 0.5}])
def test_the_recorded_decision_is_what_the_steps_behind_the_gate_read(
    tmp_path: Path, floor: dict[str, float]
) -> None:
    write_scores(tmp_path, Evaluation({"accuracy": 0.95}, 40))
    reasons, decided = tmp_path / "reasons.md", tmp_path / "decision"
    paired.write(tmp_path, Paired(Estimates(np.ones(2), np.ones(2))))
    servable.write(tmp_path / "served", servable.Servable({"serving_p99_ms": 1.5}))
    inputs = step.Inputs(tmp_path, tmp_path, tmp_path / "served")
    promote = step.run(inputs, GatePolicy(floor), reasons, decided)
    recorded = decision.read(decided)
    assert (recorded.promote, promote) == (floor == {"accuracy": 0.9},) * 2
    written = json.loads((decided / "decision.json").read_text())
    assert recorded.servability == {"serving_p99_ms": 1.5}
    assert written["reasons"] == list(recorded.reasons)
    assert set(written["checks"][0]) == {
        "name",
        "metric",
        "value",
        "limit",
        "passed",
        "sentence",
        "finding",
    }
    assert written["policy"]["champion"]["alpha"] == 0.05
    text = reasons.read_text()
    assert text.startswith(f"**The gate {'passed' if promote else 'rejected'} this candidate.**")
    assert all(f"- {reason}" in text for reason in recorded.reasons)
    assert "| check | metric | candidate | limit | passed |" in text


def test_scores_survive_the_file(tmp_path: Path) -> None:
    from components.evaluation import read_scores

    for champion in (None, ChampionScores("3", {"a": 0.5}, 0.25), ChampionScores("3", error="no")):
        given = Evaluation({"accuracy": 0.5}, 7, champion)
        write_scores(tmp_path, given)
        assert read_scores(tmp_path) == given
