"""Counters of pods that come, go and start again, told as one that never falls."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.rollout.sources.folding import FORGOTTEN_S, Fold, Pod, Reading

A, B, LATE = (Pod("r1", name, "job", name) for name in ("a", "b", "late"))


def at(moment: float, *, born: float = 0.0, **codes: int) -> Reading:
    return Reading(moment, {("code", code[1:]): count for code, count in codes.items()}, born)


def begun(**more: int) -> Fold:
    return Fold.of({A: at(90, _200=100, **more)}, {("job", "a"), ("job", "b")}, 100.0, 100.0)


@pytest.mark.parametrize(
    ("pods", "total", "same_epoch"),
    [
        ({A: at(105, _200=130)}, {"200": 130}, True),
        ({A: at(105, _200=130, _500=4)}, {"200": 130, "500": 4}, True),
        ({A: at(105, _200=30)}, {"200": 130}, True),  # it started again
        ({A: at(105, _500=3)}, {"200": 100, "500": 3}, True),  # … and one code is not there yet
        ({A: at(105, _200=130, born=101.0)}, {"200": 130}, True),  # nobody knew its birth before
        ({A: at(89, _200=95)}, {"200": 100}, True),  # an older reading, of another Prometheus
        ({A: at(90, _200=130)}, {"200": 100}, True),  # the same scrape
        ({}, {"200": 100}, True),  # it is gone
        ({A: at(105, _200=110), LATE: at(105, _200=7, born=101.0)}, {"200": 117}, True),
        ({A: at(105, _200=110), B: at(105, _200=7)}, {"200": 117}, True),  # it had no series yet
        ({A: at(105, _200=110), LATE: at(105, _200=7)}, {"200": 117}, False),
        ({A: at(105, _200=110), LATE: at(105, _200=7, born=99.0)}, {"200": 117}, False),
    ],
)
def test_what_pods_add(
    pods: Mapping[Pod, Reading], total: Mapping[str, int], same_epoch: bool
) -> None:
    after = begun().after(pods, set(), 110.0)
    found = {code: count for (_, code), count in after.totals["r1"].items()}
    assert found == total
    assert (after.epoch == 100.0) == same_epoch
    assert after.at == 110.0 if same_epoch else after.epoch == 110.0


def test_a_restart_that_outgrew_its_past_is_known_by_its_birth() -> None:
    born = Fold.of({A: at(90, _200=100, born=50.0)}, set(), 100.0, 100.0)
    after = born.after({A: at(105, _200=130, born=101.0)}, set(), 110.0)
    assert after.totals["r1"] == {("code", "200"): 230}


def test_a_pod_that_comes_back_goes_on_where_it_was() -> None:
    gone = begun().after({}, set(), 110.0)
    back = gone.after({A: at(120, _200=150)}, set(), 121.0)
    assert back.totals["r1"] == {("code", "200"): 150} and back.epoch == 100.0


def test_pods_of_long_ago_are_forgotten() -> None:
    fold = begun()
    for turn in range(200):
        now = 110.0 + 60 * turn
        fold = fold.after({Pod("r1", f"p{turn}"): at(now - 1, _200=1, born=now)}, set(), now)
    assert len(fold.pods) <= FORGOTTEN_S / 60 + 1
    assert fold.totals["r1"] == {("code", "200"): 300} and fold.epoch == 100.0


@pytest.mark.thorough
@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50), st.booleans()), max_size=30))
def test_no_request_is_invented_and_none_is_lost_that_was_scraped(steps) -> None:
    """Pods of an honest cluster: born in the epoch, scraped after everything they did."""
    counts: dict[str, int] = {}
    fold, asked, births = Fold.of({}, set(), 0.0, 0.0), 0, dict[str, float]()
    for step, (name, requests, restarts) in enumerate(steps):
        if restarts or name not in counts:
            counts[name], births[name] = 0, step + 0.5
        counts[name] += requests
        asked += requests
        now = step + 1.0
        pods = {
            Pod("r1", each): Reading(now, {("code", "200"): count}, births[each])
            for each, count in counts.items()
        }
        before = fold.totals.get("r1", {}).get(("code", "200"), 0)
        fold = fold.after(pods, set(), now)
        total = fold.totals["r1"][("code", "200")]
        assert before <= total <= asked
    assert fold.epoch == 0.0
