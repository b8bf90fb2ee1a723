"""A split is exact: in any 100 consecutive requests each revision gets its percent."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import UsageError
from serving.local.splitter import Splitter, sequence


@st.composite
def traffic(draw: st.DrawFn) -> dict[str, int]:
    """Any way to share 100 among one to five revisions; a share may be nothing."""
    cuts = draw(st.lists(st.integers(0, 100), max_size=4))
    edges = [0, *sorted(cuts), 100]
    return {f"r{number}": high - low for number, (low, high) in enumerate(pairwise(edges))}


@given(traffic(), st.integers(0, 250))
def test_any_100_consecutive_requests_hold_each_percent_exactly(
    percents: dict[str, int], skipped: int
) -> None:
    splitter = Splitter(percents)
    for _ in range(skipped):
        splitter.next()
    window = Counter(splitter.next() for _ in range(100))
    assert window == Counter({name: share for name, share in percents.items() if share})


@given(traffic())
def test_the_cycle_divides_100_and_is_spread_evenly(percents: dict[str, int]) -> None:
    cycle = sequence(percents)
    assert 100 % len(cycle) == 0
    for name, share in percents.items():
        for length in range(1, len(cycle) + 1):
            due = share * length / 100
            assert abs(cycle[:length].count(name) - due) < len(percents)


def test_a_tenth_is_one_in_ten_and_not_ten_in_a_row() -> None:
    cycle = sequence({"stable": 90, "canary": 10})
    assert len(cycle) == 10
    assert cycle.count("canary") == 1


@given(st.integers(0, 30))
def test_equal_percents_keep_the_place_in_the_sequence(before: int) -> None:
    percents = {"stable": 70, "canary": 30}
    undisturbed, splitter = Splitter(percents), Splitter(percents)
    expected = [undisturbed.next() for _ in range(before + 20)]
    got = [splitter.next() for _ in range(before)]
    splitter = splitter.updated({"canary": 30, "stable": 70})
    assert got + [splitter.next() for _ in range(20)] == expected


def test_changed_percents_start_a_new_sequence() -> None:
    splitter = Splitter({"stable": 90, "canary": 10})
    splitter.next()
    changed = splitter.updated({"stable": 50, "canary": 50})
    assert Counter(changed.next() for _ in range(2)) == {"stable": 1, "canary": 1}


def test_without_revisions_there_is_nobody_to_ask() -> None:
    assert Splitter({}).next() is None


@pytest.mark.parametrize("percents", [{"a": 90}, {"a": 110}, {"a": 120, "b": -20}, {"a": 0}])
def test_percents_that_are_no_split_are_refused(percents: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="add up to 100"):
        Splitter(percents)
