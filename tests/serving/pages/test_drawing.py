"""Where things are in a drawing."""

from __future__ import annotations

import pytest

from serving.pages.drawing import Scale, bar, nice, px, stairs, ticks, time_ticks


@pytest.mark.parametrize(
    ("value", "where"), [(0, 10), (50, 60), (100, 110), (-5, 10), (1000, 110), (25, 35)]
)
def test_a_scale_is_linear_and_keeps_within_the_drawing(value: float, where: float) -> None:
    assert Scale(0, 100, 10, 110)(value) == where


def test_a_scale_may_run_upwards_and_one_without_a_width_stays_at_its_start() -> None:
    assert Scale(0, 100, 150, 50)(25) == 125
    assert Scale(3, 3, 7, 90)(3) == 7


@pytest.mark.parametrize(
    ("value", "found"),
    [(0, 1), (1, 1), (1.2, 2), (2.1, 2.5), (26, 50), (0.0234, 0.025), (0.05, 0.05), (99, 100)],
)
def test_a_nice_number_is_the_next_round_one(value: float, found: float) -> None:
    assert nice(value) == pytest.approx(found)


@pytest.mark.parametrize(
    ("high", "found"),
    [(100, [0, 25, 50, 75, 100]), (0.05, [0, 0.02, 0.04]), (1, [0, 0.25, 0.5, 0.75, 1])],
)
def test_ticks_are_round_and_end_within_the_scale(high: float, found: list[float]) -> None:
    assert ticks(high) == pytest.approx(found)


@pytest.mark.parametrize(
    ("seconds", "found"),
    [
        (9, [0, 2, 4, 6, 8]),
        (26, [0, 10, 20]),
        (240, [0, 60, 120, 180, 240]),
        (7200, [0, 1800, 3600, 5400, 7200]),
        (0.4, [0, 0.1, 0.2, 0.3, 0.4]),
        (0, [0, 0.25, 0.5, 0.75, 1]),
        (10 * 86400, [0, 250000, 500000, 750000]),
    ],
)
def test_moments_are_those_of_a_clock(seconds: float, found: list[float]) -> None:
    assert time_ticks(seconds) == pytest.approx(found)


def test_a_bar_may_be_drawn_from_either_side_and_stairs_keep_their_height() -> None:
    assert bar("x", (30, 10), 5, 8).at == bar("x", (10, 30), 5, 8).at
    assert stairs("x", [(0, 9), (4, 5), (8, 1)]).at == {"d": "M0 9H4V5H8V1"}
    assert [px(n) for n in (1.0, 1.26, 0.04)] == ["1", "1.3", "0"]
