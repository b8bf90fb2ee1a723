"""What `make bench-watching` makes of the turns that it measured."""

from __future__ import annotations

import pytest

from scripts.bench.looking_cost import Pace
from scripts.bench.watching import cost


def paces(*microseconds: float) -> list[Pace]:
    return [Pace(10_000.0, us / 1e6) for us in microseconds]


@pytest.mark.parametrize(
    ("without", "with_it", "left"),
    [
        ((50.0, 50.0), (50.0, 50.0), 1.0),
        ((50.0, 50.0), (100.0, 100.0), 0.5),
        # Each turn is compared with its neighbour: a machine that slows down slows both.
        ((50.0, 100.0), (62.5, 125.0), 0.8),
    ],
)
def test_a_core_carries_fewer_requests_by_what_each_costs_more(
    without: tuple[float, ...], with_it: tuple[float, ...], left: float
) -> None:
    found = cost(paces(*without), paces(*with_it))
    assert found.value == pytest.approx(left)
    assert found.least == pytest.approx(left)


def test_turns_that_differ_leave_doubt() -> None:
    found = cost(paces(50.0, 50.0, 50.0), paces(50.0, 52.0, 54.0))
    assert found.least < found.value < 1.0
