"""What the rows say about two models: verdicts, the rows that are needed, guarded slices."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import decision, paired, scores
from components.evaluation import ChampionScores, Evaluation
from components.gate import bootstrap, comparison, evidence, policy, rules, wording
from components.gate.comparison import Outcome, Question
from components.gate.evidence import Rows
from components.gate.policy import ChampionPolicy, GatePolicy
from components.metrics import CLASSIFICATION, METRICS
from components.number_scores import Estimates
from components.paired import Answered, Paired
from components.scores import Answers
from serving.errors import ModelError, UsageError
from tests.components.gate.judging import judged, pair


@pytest.mark.parametrize(
    ("rows", "gained", "lost", "margin", "outcome"),
    [
        (30, 0, 0, 0.0, Outcome.CANNOT_TELL),
        (30, 0, 0, 0.04, Outcome.CANNOT_TELL),  # iris: thirty rows cannot tell four points
        (30, 4, 0, 0.0, Outcome.CANNOT_TELL),  # p = 1/16
        (30, 5, 0, 0.0, Outcome.BETTER),  # p = 1/32
        (30, 0, 5, 0.0, Outcome.WORSE),
        (30, 0, 5, 0.1, Outcome.CANNOT_TELL),
        (1000, 10, 10, 0.02, Outcome.NON_INFERIOR),
        (1000, 10, 40, 0.01, Outcome.WORSE),
        (1000, 60, 20, 0.0, Outcome.BETTER),
    ],
)
def test_the_verdict_on_accuracy_follows_from_the_rows_on_which_the_two_differ(
    rows: int, gained: int, lost: int, margin: float, outcome: Outcome
) -> None:
    found = comparison.compare(
        "accuracy", pair(rows, gained, lost), Question(margin, 0.05, 0.8), np.random.default_rng(0)
    )
    assert found is not None
    assert found.outcome is outcome
    assert found.improvement == pytest.approx((gained - lost) / rows)


@settings(max_examples=60)
@given(
    gained=st.integers(0, 30),
    lost=st.integers(0, 30),
    alike=st.integers(1, 300),
    margin=st.sampled_from([0.0, 0.01, 0.1]),
)
def test_what_is_shown_agrees_with_what_was_measured(
    gained: int, lost: int, alike: int, margin: float
) -> None:
    rows = gained + lost + alike
    found = comparison.by_discordance(gained, lost, rows, Question(margin, 0.05, 0.8))
    assert found.low <= found.improvement <= found.high
    if found.outcome is Outcome.BETTER:
        assert found.improvement > 0
    if found.outcome is Outcome.WORSE:
        assert found.improvement < -margin
    if found.outcome is Outcome.NON_INFERIOR:
        assert found.improvement >= -margin
    mirrored = comparison.by_discordance(lost, gained, rows, Question(margin, 0.05, 0.8))
    assert not found.outcome == mirrored.outcome == Outcome.BETTER


@pytest.mark.parametrize(
    ("variance", "distance", "alpha", "power", "rows"),
    [
        (0.10, 0.02, 0.05, 0.8, 1546),  # 0.10 (1.6449 + 0.8416)² / 0.02²
        (0.10, 0.02, 0.05, 0.9, 2141),
        (0.10, 0.0, 0.05, 0.8, None),
        (0.0, 0.02, 0.05, 0.8, None),
        (0.1, 1e-9, 0.05, 0.8, None),
    ],
)
def test_the_rows_that_are_needed_grow_with_the_square(
    variance: float, distance: float, alpha: float, power: float, rows: int | None
) -> None:
    assert comparison.rows_needed(variance, distance, Question(0, alpha, power)) == rows


@pytest.mark.parametrize("metric", ["rmse", "mae", "mape", "r2"])
@pytest.mark.parametrize(("spread", "outcome"), [(0.5, Outcome.BETTER), (2.0, Outcome.WORSE)])
def test_smaller_errors_are_better(metric: str, spread: float, outcome: Outcome) -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(400) + 5
    mine, theirs = (Estimates(truth, truth + scale * rng.normal(size=400)) for scale in (spread, 1))
    question = Question(0.0, 0.05, 0.8)
    found = comparison.compare(metric, Paired(mine, theirs), question, rng)
    assert found is not None
    assert found.outcome is outcome


@pytest.mark.parametrize("metric", [m for m in METRICS if m not in bootstrap.LABEL_METRICS])
def test_a_model_whose_answers_were_rounded_to_32_bits_is_neither_better_nor_worse(
    metric: str,
) -> None:
    rng = np.random.default_rng(3)
    truth, shares = rng.integers(0, 3, 40), rng.dirichlet(np.ones(3), 40)
    models: list[Answered] = [
        Answers((0, 1, 2), truth, each.argmax(axis=1), each)
        if metric in CLASSIFICATION
        else Estimates(truth + 1.0, each[:, 0])
        for each in (shares, shares.astype(np.float32).astype(float))
    ]
    for mine, theirs in (models, models[::-1]):
        found = [{metric: bootstrap.measured(metric, each) or 0.0} for each in (mine, theirs)]
        evaluation = Evaluation(found[0], 40, ChampionScores("3", found[1]))
        asked, rows = GatePolicy({}, ChampionPolicy(metric)), Rows(Paired(mine, theirs))
        assert rules.judge(evaluation, asked, evidence.gather(asked, rows)).promote


def forest(votes: np.ndarray, trees: int, kind: type[np.floating]) -> np.ndarray:
    """Return the probabilities [n, 2] of a forest whose votes are summed up in such numbers."""
    second = np.array([np.cumsum(np.full(trees, 1 / trees, kind))[v - 1] * (v > 0) for v in votes])
    return np.column_stack([1 - second, second]).astype(float)


@pytest.mark.parametrize("metric", ["accuracy", "f1_macro", "roc_auc", "pr_auc", "ece", "brier"])
def test_a_forest_whose_votes_were_summed_up_in_32_bits_is_neither_better_nor_worse(
    metric: str,
) -> None:
    rng = np.random.default_rng(4)
    truth, votes = rng.integers(0, 2, 60), rng.integers(7, 14, 60)
    shares = [forest(votes, 20, kind) for kind in (np.float64, np.float32)]
    assert (shares[0].argmax(axis=1) != shares[1].argmax(axis=1)).any()  # ties: ten of twenty votes
    models = [scores.answers(truth, each, (0, 1)) for each in shares]
    measured = [scores.measure(each) for each in models]
    for mine, theirs in ((0, 1), (1, 0)):
        evaluation = Evaluation(measured[mine], 60, ChampionScores("3", measured[theirs]))
        asked = GatePolicy({}, ChampionPolicy(metric))
        rows = Rows(Paired(models[mine], models[theirs]))
        verdict = rules.judge(evaluation, asked, evidence.gather(asked, rows))
        assert verdict.promote, verdict.reasons
        assert "As good as it" in verdict.reasons[0]


@pytest.mark.parametrize("metric", ["brier", "ece", "log_loss"])
def test_hardly_any_error_is_not_compared_by_its_last_digits(metric: str) -> None:
    truth = np.arange(30) % 2
    models = []
    for missed in (6e-7, 4e-7):
        shares = np.full((30, 2), missed)
        shares[np.arange(30), truth] = 1 - missed
        models.append(scores.answers(truth, shares, (0, 1)))
    question = Question(0.0, 0.05, 0.8)
    found = comparison.compare(metric, Paired(*models), question, np.random.default_rng(0))
    assert found is not None
    assert (found.outcome, found.improvement) == (Outcome.CANNOT_TELL, 0.0)
    assert found.needs_rows is None


def test_two_shares_never_differ_by_more_than_all() -> None:
    truth = np.arange(30).repeat(2)  # as many strata as rows that are free
    rng = np.random.default_rng(2)
    models = [scores.answers(truth, rng.dirichlet(np.ones(30), 60), range(30)) for _ in range(2)]
    found = bootstrap.interval("f1_macro", Paired(*models), 0.05, rng)
    assert found is not None
    assert -1 <= found.low <= found.high <= 1


@pytest.mark.parametrize(
    ("require", "on_cannot_tell", "gained", "lost", "promote"),
    [
        ("non_inferior", "measured", 0, 0, True),  # as it was before there were statistics
        ("non_inferior", "measured", 1, 2, True),
        ("non_inferior", "measured", 0, 2, False),
        ("non_inferior", "reject", 0, 0, False),
        ("non_inferior", "accept", 0, 2, True),
        ("non_inferior", "accept", 0, 12, False),  # it is shown to be worse
        ("better", "measured", 1, 0, True),
        ("better", "measured", 0, 0, False),
        ("better", "reject", 4, 0, False),
        ("better", "reject", 5, 0, True),
        ("better", "accept", 0, 0, True),
    ],
)
def test_a_gate_that_cannot_tell_follows_the_spec(
    require: str, on_cannot_tell: str, gained: int, lost: int, promote: bool
) -> None:
    rows = pair(30, gained, lost)
    asked = policy.champion(
        "accuracy", 0.04, {"require": require, "on_cannot_tell": on_cannot_tell}, 7
    )
    verdict = judged(rows, GatePolicy({}, asked))
    assert verdict.promote is promote


@pytest.mark.parametrize(
    ("value", "said"), [(0.12345, "0.1235"), (5.8e-9, "5.8e-09"), (593.0, "593"), (2e37, "2e+37")]
)
def test_a_number_is_shown_by_the_digits_that_matter(value: float, said: str) -> None:
    assert wording.shown(value) == said


def test_the_sentence_tells_the_bounds_the_test_and_how_many_rows_would_tell() -> None:
    (reason,) = judged(pair(30, 0, 1), GatePolicy({}, ChampionPolicy("accuracy", 0.04))).reasons
    assert reason == (
        "accuracy 0.9667 is not worse than the champion's 1 (version 3) by more than 0.04, on the "
        "same test rows. Worse by 0.0333, -0.1601 to 0.0805 better (alpha 0.05) on 30 rows, "
        "McNemar p 1: too few to tell whether it is worse by more than 0.04, which needs about "
        "4,500 rows; what was measured decides."
    )


@pytest.mark.parametrize(
    ("gained", "lost", "said"),
    [
        (2, 1, r"Better by 0\.005, "),
        (1, 1, r"As good as it, -0\.\d+ to 0\.\d+ better "),
        (0, 0, r"As good as it, -0\.\d+ to 0\.\d+ better "),
        (1, 2, r"Worse by 0\.005, -0\.\d+ to 0\.\d+ better "),
    ],
)
def test_the_difference_is_said_by_its_sign(gained: int, lost: int, said: str) -> None:
    asked = GatePolicy({}, ChampionPolicy("accuracy", 0.04))
    (reason,) = judged(pair(200, gained, lost), asked).reasons
    assert re.search(said, reason)


@pytest.mark.parametrize(
    ("gained", "lost", "margin", "require", "shown"),
    [
        (20, 2, 0.04, "better", "it is shown to be better"),
        (2, 2, 0.1, "non_inferior", "it is shown not to be worse by more than 0.1"),
        (2, 20, 0.04, "non_inferior", "it is shown to be worse by more than 0.04"),
        (2, 20, 0.0, "non_inferior", "it is shown to be worse"),
        (2, 2, 0.1, "better", "too few to tell whether it is better"),
        (2, 1, 0.0, "non_inferior", "too few to tell whether it is worse"),
    ],
)
def test_what_is_shown_is_said_in_words(
    gained: int, lost: int, margin: float, require: str, shown: str
) -> None:
    asked = ChampionPolicy("accuracy", margin, require=require)
    (reason,) = judged(pair(200, gained, lost), GatePolicy({}, asked)).reasons
    assert re.search(rf" rows, McNemar p [\d.e-]+: {shown}(\.|[,;] )", reason)
    assert not re.search("non_inferior|cannot_tell|Verdict", reason)


@pytest.mark.parametrize(
    ("evidence_of", "why"),
    [
        ({"alpha": 0.9}, "gate.champion.alpha = 0.9 must be from 1e-06 to 0.5"),
        ({"alpha": "much"}, "alpha and power are numbers"),
        ({"power": float("nan")}, "gate.champion.power = nan must be"),
        ({"require": "best"}, "gate.champion.require = 'best'"),
        ({"on_cannot_tell": "rejct"}, "did you mean reject"),
        ({"alfa": 0.1}, "did you mean alpha"),
    ],
)
def test_a_policy_from_a_form_is_checked(evidence_of: dict[str, object], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        policy.checked(GatePolicy({}, policy.champion("accuracy", 0.0, evidence_of, 1)))


def test_the_policy_and_the_verdict_are_on_record(tmp_path: Path) -> None:
    asked = GatePolicy({"accuracy": 0.5}, ChampionPolicy("accuracy", 0.02, seed=42))
    verdict = judged(pair(1000, 10, 10), asked)
    (tmp_path / "decision.json").write_text(json.dumps(verdict.to_json(), allow_nan=False))
    found = decision.read(tmp_path)
    assert found.verdict == "non_inferior"
    assert found.policy["champion"] == {
        "metric": "accuracy",
        "margin": 0.02,
        "alpha": 0.05,
        "power": 0.8,
        "require": "non_inferior",
        "on_cannot_tell": "measured",
        "seed": 42,
    }


def test_the_answers_survive_the_file_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    for given_rows in (pair(9, 2, 1), Paired(Estimates(np.arange(3.0), np.ones(3)))):
        paired.write(tmp_path, given_rows)
        read = paired.read(tmp_path)
        assert np.array_equal(read.candidate.truth, given_rows.candidate.truth)
        assert np.array_equal(read.candidate.predicted, given_rows.candidate.predicted)
        assert (read.champion is None) == (given_rows.champion is None)
    for content in (b"", b"PK\x03\x04 not a zip", (tmp_path / paired.FILE).read_bytes()[:99]):
        (tmp_path / paired.FILE).write_bytes(content)
        with pytest.raises(ModelError, match="evaluate the model again"):
            paired.read(tmp_path)
