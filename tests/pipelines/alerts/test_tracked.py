"""Runs that fail on a cluster, as MLflow tells them."""

from __future__ import annotations

import pytest

from components.tracked_runs import TrackedRun
from pipelines.alerts import tracked


def run(number: int, status: str) -> TrackedRun:
    return TrackedRun(f"iris-{number}", "", "iris", "", "", status, number, None, "no room", {})


STORIES = {
    "the newest two failed": (["failed", "failed", "finished", "failed"], 2),
    "one goes on": (["running", "failed", "finished"], 1),
    "who was cancelled does not count": (["failed", "killed", "failed", "rejected"], 2),
    "a rejected one is well": (["rejected", "failed"], 0),
    "none has ended": (["running"], 0),
}


@pytest.mark.parametrize("name", STORIES)
def test_failures_count_up_to_the_first_run_that_did_not_fail(name: str) -> None:
    newest_first, failed = STORIES[name]
    found = tracked._counted("iris", [run(9 - n, each) for n, each in enumerate(newest_first)])
    assert (found.value, found.labels) == (failed, {"model": "iris"})
    assert ("no room" in found.detail) == bool(failed)
