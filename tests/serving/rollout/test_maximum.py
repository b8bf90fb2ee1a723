"""Evidence against a maximum: fair where it is kept, quick where it is not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.rollout.maximum import above, below, more_failures, rows_until_below

share = st.floats(0.0, 1.0)
maxima = st.floats(0.001, 0.999)
fair = settings(max_examples=150, deadline=None)


@fair
@given(share, maxima)
def test_no_bet_is_expected_to_win_where_the_maximum_is_kept(part: float, maximum: float) -> None:
    kept = maximum * part
    hit, miss = (math.exp(above(1, hits, maximum)) for hits in (1, 0))
    assert kept * hit + (1 - kept) * miss <= 1 + 1e-9


@fair
@given(share, maxima)
def test_nor_on_safety_where_it_is_not(part: float, maximum: float) -> None:
    exceeded = maximum + (1 - maximum) * part
    hit, miss = (math.exp(below(1, hits, maximum)) for hits in (1, 0))
    assert exceeded * hit + (1 - exceeded) * miss <= 1 + 1e-9


@fair
@given(share, share, st.floats(0.001, 0.9))
def test_nor_on_failures_of_pairs_that_differ_by_the_margin_at_most(
    theirs: float, part: float, margin: float
) -> None:
    """The canary alone fails on a share of the rows that is the stable one's + the margin."""
    theirs = theirs * (1 - margin) / 2
    ours = (theirs + margin) * part
    won = [math.exp(more_failures(1, *alone, margin)) for alone in ((1, 0), (0, 1), (0, 0))]
    chances = (ours, theirs, 1 - ours - theirs)
    assert sum(x * chance for x, chance in zip(won, chances, strict=True)) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("rows", "ours", "theirs", "least"),
    [
        pytest.param(15, 15, 0, 6.0, id="the canary answers nothing"),
        pytest.param(60, 15, 0, 4.0, id="every fourth row"),
    ],
)
def test_a_canary_that_fails_alone_is_found(
    rows: int, ours: int, theirs: int, least: float
) -> None:
    assert more_failures(rows, ours, theirs, 0.02) > least


def test_a_network_that_loses_answers_of_both_is_no_evidence() -> None:
    assert more_failures(200, 20, 18, 0.02) < 1


@pytest.mark.parametrize(("rows", "differ"), [(0, 0), (5, 1), (40, 2), (1000, 199)])
def test_the_rows_that_are_said_to_be_missing_are_enough(rows: int, differ: int) -> None:
    enough = math.log(20)
    more = rows_until_below(rows, differ, 0.2, enough)
    assert below(rows + more, differ, 0.2) >= enough
    assert more == 0 or below(rows + more - 1, differ, 0.2) < enough
