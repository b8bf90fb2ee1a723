"""Services: what is shown of an InferenceService, and the numbers between two readings."""

from __future__ import annotations

import pytest

from console.data.services import service
from console.data.traffic import numbers, point, recent
from serving.isvc.live import TrafficTarget
from serving.isvc.resource import ServiceView
from serving.rollout.observation import Counts, Observation

BOUNDS = (0.001, 0.01, float("inf"))


def seen(at: float, epoch: float = 1.0, **requests: tuple[int, int]) -> Observation:
    revisions = {
        name: Counts(count, errors, (count, 0, 0), BOUNDS)
        for name, (count, errors) in requests.items()
    }
    return Observation(epoch, at, revisions)


def test_the_numbers_between_two_readings_are_their_difference() -> None:
    found = numbers(seen(20, a=(110, 2), b=(40, 0)), seen(10, a=(80, 1), b=(30, 0)))
    assert [(n.revision, n.requests, n.errors, n.share) for n in found] == [
        ("a", 30, 1, 0.75),
        ("b", 10, 0, 0.25),
    ]
    assert found[0].error_rate == pytest.approx(1 / 30)


def test_counters_that_began_anew_are_counted_from_zero() -> None:
    found = numbers(seen(20, epoch=2, a=(5, 0)), seen(10, epoch=1, a=(80, 1)))
    assert found[0].requests == 5
    assert point(seen(20, epoch=2, a=(5, 0)), seen(10, epoch=1)) is None


def test_a_counter_that_went_back_says_nothing_of_that_moment() -> None:
    found = numbers(seen(20, a=(5, 0)), seen(10, a=(80, 1)))
    assert (found[0].requests, found[0].share, found[0].p95_s) == (0, None, None)


def test_without_requests_there_is_no_share_and_no_time() -> None:
    (found,) = numbers(seen(20, a=(80, 1)), seen(10, a=(80, 1)))
    assert (found.share, found.error_rate, found.p50_s) == (None, None, None)


@pytest.mark.parametrize(
    ("times", "now", "expected"), [((), 100, None), ((90,), 100, 90), ((10, 30, 90), 100, 30)]
)
def test_lately_is_a_minute_or_as_long_as_anybody_looked(
    times: tuple[float, ...], now: float, expected: float | None
) -> None:
    found = recent([seen(at) for at in times], now)
    assert (found.at if found else None) == expected


def test_a_tag_and_a_split_of_one_revision_are_one_line() -> None:
    view = ServiceView(
        "boat",
        "default",
        ready=True,
        rolled_out="boat-1",
        traffic=(
            TrafficTarget("boat-2", 10, tag="latest", url="http://latest"),
            TrafficTarget("boat-1", 90, tag="prev", url="http://prev"),
            TrafficTarget("boat-1", 0),
        ),
    )
    found = service(view, numbers(seen(1, **{"boat-1": (9, 0), "boat-0": (4, 0)})))
    told = [(each.name, each.role, each.percent, each.total.requests) for each in found.revisions]
    assert told == [
        ("boat-2", "older", 10, 0),
        ("boat-1", "live", 90, 9),
        ("boat-0", "older", 0, 4),
    ]
    assert (found.state, found.requests, found.over) == ("ready", 13, True)
