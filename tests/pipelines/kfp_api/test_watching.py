"""A run that is watched: whatever becomes of it is told, and how it ended is never guessed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.cluster import Cluster
from pipelines.cluster_watch import Clock, Watch
from pipelines.errors import ClusterError, NotThere, RunError, StepFailed, Unreachable
from pipelines.journal import Result
from tests.pipelines.kfp_api import stories
from tests.pipelines.kfp_api.server import FakeKfp
from tests.pipelines.kfp_api.watching import Told


def failing(kfp: FakeKfp, step: str, log: str) -> Callable[[], None]:
    def fail() -> None:
        kfp.only().run(*stories.BEFORE[: stories.BEFORE.index(step)])
        kfp.only().begin(step)
        stories.writes(kfp, step, log)
        kfp.only().end(step, "FAILED")
        kfp.only().finish("FAILED")
        kfp.set_state("FAILED")

    return fail


FAILURES = [
    (f"{stories.LAUNCHER}error: gs://bucket/iris.csv does not exist\n", "does not exist"),
    ("Traceback (most recent call last):\n  File x\nKeyError: 'a'\nF launcher", "KeyError: 'a'"),
    (stories.LAUNCHER, "ended without a word"),
]


@pytest.mark.parametrize(("log", "words"), FAILURES)
def test_a_step_that_fails_says_why(
    kfp: FakeKfp, watch: Callable[[], Result], told: Told, log: str, words: str
) -> None:
    kfp.story = [failing(kfp, "train", log)]
    with pytest.raises(StepFailed, match=f"^train: .*{words}.*#/runs/details"):
        watch()
    assert "train failed" in told.ended
    assert "split succeeded" in told.ended


def test_a_failure_without_a_log_is_told_as_that(kfp: FakeKfp, watch: Callable[[], Result]) -> None:
    def fail() -> None:
        failing(kfp, "train", "")()
        kfp.logs.clear()

    kfp.story = [fail]
    with pytest.raises(StepFailed, match="train failed, and why cannot be read here"):
        watch()


def test_a_driver_that_fails_is_the_failure_of_its_step(
    kfp: FakeKfp, watch: Callable[[], Result]
) -> None:
    def fail() -> None:
        kfp.only().fail_driver("ingest")
        kfp.only().finish("FAILED")
        kfp.set_state("FAILED")

    kfp.story = [fail]
    with pytest.raises(StepFailed, match="ingest failed .*before its pod"):
        watch()


def cancelled(kfp: FakeKfp) -> None:
    kfp.set_state("CANCELING")
    kfp.set_state("FAILED")


ENDS: list[tuple[Callable[[FakeKfp], Any], type[Exception], str]] = [
    (lambda kfp: kfp.set_state("CANCELED"), ClusterError, "iris-1 was cancelled"),
    (cancelled, ClusterError, "iris-1 was cancelled"),
    (lambda kfp: kfp.runs.clear(), ClusterError, "was deleted while it was watched"),
    (lambda kfp: kfp.set_state("FAILED"), ClusterError, "no step says why"),
    (lambda kfp: kfp.set_state("SUCCEEDED"), RunError, "neither branch behind the gate"),
]


@pytest.mark.parametrize(
    ("change", "error", "words"), ENDS, ids=["cancel", "cancel-fail", "del", "fail", "none"]
)
def test_what_somebody_else_does_to_the_run_is_told(
    kfp: FakeKfp,
    watch: Callable[[], Result],
    change: Callable[[FakeKfp], Any],
    error: type[Exception],
    words: str,
) -> None:
    kfp.story = [lambda: kfp.only().begin("ingest"), lambda: change(kfp)]
    with pytest.raises(error, match=words):
        watch()


def test_a_run_that_was_being_cancelled_and_then_failed_was_cancelled(
    kfp: FakeKfp, watch: Callable[[], Result], started: dict[str, Any]
) -> None:
    def cancel() -> None:
        started["state"] = "CANCELING"

    def fail() -> None:
        kfp.only().end("ingest", "FAILED")
        kfp.set_state("FAILED")

    kfp.story = [lambda: kfp.only().begin("ingest"), cancel, fail]
    with pytest.raises(ClusterError, match="iris-1 was cancelled"):
        watch()


def test_a_run_that_is_not_there_is_refused_at_once(kfp: FakeKfp, cluster: Cluster) -> None:
    told = Told()
    with pytest.raises(NotThere, match="cannot see the run nothing"):
        Watch(cluster, "nothing", Clock(told.now, told.sleep), told.events.append).wait()


def test_an_outage_is_waited_out_and_told_once(
    kfp: FakeKfp, watch: Callable[[], Result], told: Told
) -> None:
    kfp.story = stories.through(kfp, ("register", "deploy"), stories.PROMOTED)
    kfp.faults = [None, 503, "drop", 503]
    assert watch().outcome == "promoted"
    assert sum("answers 503" in note for note in told.notes) == 1


PASSING: list[tuple[Any, str]] = [
    (("<html>no server is available</html>", 503, "text/html"), "answers 503"),
    (
        ('{"code": 13, "message": "dial tcp: lookup mysql"}', 500, "application/json"),
        "lookup mysql",
    ),
    (('{"code": 16, "message": "token expired"}', 401, "application/json"), "token expired"),
    (("<html>log in</html>", 200, "text/html"), "a page for browsers"),
    (("default backend - 404", 404, "text/plain"), "has no API"),
    (('{"run_id": "', 200, "application/json"), "broke off in the middle"),
]


@pytest.mark.parametrize(("fault", "words"), PASSING, ids=lambda v: str(v)[:20])
def test_what_may_pass_is_waited_out_of_a_run_that_was_seen(
    kfp: FakeKfp, watch: Callable[[], Result], told: Told, fault: Any, words: str
) -> None:
    kfp.story = stories.through(kfp, ("register", "deploy"), stories.PROMOTED)
    kfp.faults = [None, fault, fault]
    assert watch().outcome == "promoted"
    assert sum(words in note for note in told.notes) == 1


def test_an_outcome_that_breaks_off_is_no_outcome(
    kfp: FakeKfp, watch: Callable[[], Result]
) -> None:
    story = stories.through(kfp, ("register", "deploy"), stories.PROMOTED)

    def end() -> None:
        story[-1]()
        stories.writes(kfp, "deploy", 'outcome: {"outcome": "promo')

    kfp.story = [*story[:-1], end]
    with pytest.raises(ClusterError, match="the log of deploy breaks off"):
        watch()


def test_an_outage_while_the_outcome_is_read_is_waited_out(
    kfp: FakeKfp, watch: Callable[[], Result]
) -> None:
    story = stories.through(kfp, ("register", "deploy"), stories.ROLLED_BACK)

    def end() -> None:
        story[-1]()
        kfp.faults = [503, 503, "drop"]

    kfp.story = [*story[:-1], end]
    assert watch().outcome == "rolled_back"


def test_an_outage_that_lasts_is_an_error(
    kfp: FakeKfp, watch: Callable[[], Result], told: Told
) -> None:
    kfp.faults = [None, *[503] * 500]
    with pytest.raises(Unreachable, match="answers 503"):
        watch()
    assert told.seconds > 300


def test_an_outcome_that_cannot_be_read_is_no_success(
    kfp: FakeKfp, watch: Callable[[], Result]
) -> None:
    story = stories.through(kfp, ("register", "deploy"), stories.PROMOTED)

    def end() -> None:
        story[-1]()
        kfp.logs.clear()

    kfp.story = [*story[:-1], end]
    with pytest.raises(ClusterError, match="nobody here can say whether .* promoted or rolled"):
        watch()


def test_an_archived_log_is_found_by_its_node(kfp: FakeKfp, watch: Callable[[], Result]) -> None:
    story = stories.through(kfp, ("register", "deploy"), stories.ROLLED_BACK)

    def end() -> None:
        story[-1]()
        (text,) = [text for text in kfp.logs.values() if "outcome" in text]
        kfp.logs.clear()
        kfp.archived[kfp.only().node_id("deploy")] = text

    kfp.story = [*story[:-1], end]
    assert watch().outcome == "rolled_back"


def test_the_logs_of_the_ui_do_as_well(kfp: FakeKfp, watch: Callable[[], Result]) -> None:
    kfp.is_ui = True
    kfp.story = stories.through(kfp, ("register", "deploy"), stories.ROLLED_BACK)
    assert watch().outcome == "rolled_back"
