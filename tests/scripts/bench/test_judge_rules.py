"""The peers' rules as the judge's benchmark plays them, and the line that it prints."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from scripts.bench import judge, judge_rules
from scripts.bench.judge_kinds import KINDS, oracle, slower
from scripts.bench.judge_rules import WINDOW, Breaches, windows, z_scores
from scripts.bench.judge_streams import Stream, World, bad_at, first_true, stream
from serving.rollout.evidence import Block, Evidence


@pytest.mark.parametrize(
    ("hits", "rule", "requests"),
    [
        ([0, 0, 0, 0], Breaches(0.02, 1), math.inf),
        ([0, 1, 0, 2], Breaches(0.02, 1), 4 * WINDOW),
        ([2, 0, 2, 0], Breaches(0.02, 2), 3 * WINDOW),
        ([2, 2, 2, 2], Breaches(0.02, 5), math.inf),
    ],
)
def test_a_threshold_count_rolls_back_at_the_window_of_its_last_breach(
    hits: list[int], rule: Breaches, requests: float
) -> None:
    assert rule.requests(np.array([hits]))[0] == requests


def test_a_calmed_rule_is_the_most_eager_one_that_is_allowed() -> None:
    hits = np.random.default_rng(0).binomial(WINDOW, 0.05, (1000, 40))
    calm = Breaches(0.0, 2).calmed(hits, 0.02)
    eager = Breaches(calm.limit - 1 / WINDOW, 2)
    assert np.isfinite(calm.requests(hits)).mean() <= 0.02
    assert np.isfinite(eager.requests(hits)).mean() > 0.02


def test_windows_count_the_canarys_hits_and_the_stable_share_beside_them() -> None:
    of_canary = np.array([[True, False, True, True, False, True, False]])
    hit = np.array([[True, False, False, True, True, True, True]])
    hits, stable = windows(Stream(of_canary, hit, np.array([0])), 2)
    assert hits.tolist() == [[1, 2]]
    assert stable.tolist() == [[0.0, 1.0]]


def test_the_rank_test_and_the_z_test_are_those_of_the_books() -> None:
    rng = np.random.default_rng(1)
    ours, theirs = rng.integers(0, 6, 50) / 40, rng.integers(0, 5, 50) / 40
    book = mannwhitneyu(ours, theirs, method="asymptotic", use_continuity=False)
    assert judge_rules.rank_z(ours, theirs) ** 2 == pytest.approx(
        (book.statistic - 1250) ** 2 / _variance(ours, theirs)
    )
    answers = stream(rng, World(0.3, 0.1), 1, 2000)
    n, hits = answers.of_canary.sum(), (answers.of_canary & answers.hit).sum()
    m, others = 2000 - n, (answers.hit & ~answers.of_canary).sum()
    both = (hits + others) / 2000
    z = (hits / n - others / m) / math.sqrt(both * (1 - both) * (1 / n + 1 / m))
    assert z_scores(answers, None)[0, -1] == pytest.approx(z, rel=1e-3)


def _variance(ours: np.ndarray, theirs: np.ndarray) -> float:
    _, counts = np.unique(np.concatenate([ours, theirs]), return_counts=True)
    return 2500 / 12 * (101 - float((counts**3 - counts).sum()) / (100 * 99))


def test_the_benchmark_sees_the_first_look_that_the_judge_itself_would_act_on() -> None:
    """One rollout at a time, one answer at a time, without the shortcuts of the benchmark."""
    answers = stream(np.random.default_rng(2), World(0.2, 0.02), 8, 400)
    found = bad_at(answers, 0.0, 0.1, 0.05)
    assert (found >= 0).any()
    for row in range(8):
        evidence = Evidence.knowing(1000, answers.known[row])
        sorts = (answers.of_canary[row], answers.hit[row])
        alone = -1
        counts = np.zeros(4, int)
        for at, (of_canary, hit) in enumerate(zip(*sorts, strict=True)):
            counts += (of_canary, of_canary and hit, not of_canary, not of_canary and hit)
            if evidence.after(Block(*counts), 0.0, 0.1).against >= math.log(20):
                alone = at
                break
        assert found[row] == alone


def test_a_slower_latency_and_the_oracle_are_as_computed_by_hand() -> None:
    assert slower(1.0) == pytest.approx(0.05)
    assert slower(3.0) == pytest.approx(0.709, abs=1e-3)
    assert oracle(KINDS[0], 0.06) == pytest.approx(63, abs=1)
    assert oracle(KINDS[2], 0.05) == pytest.approx(72.6, abs=0.1)


@pytest.mark.thorough
def test_the_last_line_is_json_and_the_pictures_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["judge", "--rollouts", "5", "--worse", "4", "--docs", str(tmp_path)]
    monkeypatch.setattr("sys.argv", words)
    judge.main()
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["bench"], line["figures"]["alpha"]) == ("judge", 0.05)
    assert len(line["figures"]["requests_to_detect"]) == len(line["ratios"]) == 9
    assert set(line["figures"]["peers"]) == set(judge.PEERS)
    assert {path.name for path in tmp_path.glob("*.svg")} == {
        "judge-false-rollbacks.svg",
        "judge-requests-to-detect.svg",
    }
    assert first_true(np.array([[False, True], [False, False]])).tolist() == [1, -1]
