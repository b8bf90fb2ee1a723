"""What is told of a run's pods while it goes on: attempts, notes, and what they wait for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.cluster import Cluster
from pipelines.cluster_watch import Clock, Watch
from pipelines.errors import ClusterError
from pipelines.journal import Result
from tests.pipelines.kfp_api import stories
from tests.pipelines.kfp_api.server import FakeKfp
from tests.pipelines.kfp_api.watching import Told


def test_each_attempt_of_a_repeated_step_is_in_its_log(
    kfp: FakeKfp, cluster: Cluster, told: Told, package: dict[str, Any]
) -> None:
    spec = copy.deepcopy(package)
    repeat(spec["pipeline_spec"], "ingest")
    run = kfp.start({"display_name": "iris-1", "pipeline_spec": spec}, spec)
    workflow = kfp.only()

    def first() -> None:
        workflow.begin("ingest")
        kfp.logs[workflow.pod("ingest", 0)] = "note: first"

    def second() -> None:
        workflow.again("ingest")
        kfp.logs[workflow.pod("ingest", 1)] = "note: second"

    def end() -> None:
        workflow.end("ingest")
        kfp.set_state("CANCELED")

    kfp.story = [first, second, end]
    with pytest.raises(ClusterError):
        Watch(cluster, run["run_id"], Clock(told.now, told.sleep), told.events.append).wait()
    assert told.notes == ["first", "second"]
    assert told.ended == ["ingest succeeded"]


def repeat(spec: dict[str, Any], step: str) -> None:
    """Give a task of a pipeline's YAML another try."""
    for component in spec["components"].values():
        for name, task in component.get("dag", {}).get("tasks", {}).items():
            if name == step:
                task["retryPolicy"] = {"maxRetryCount": 2}


def test_notes_of_a_long_step_are_told_while_it_goes_on_and_once(
    kfp: FakeKfp, watch: Callable[[], Result], told: Told
) -> None:
    def noted(count: int) -> Callable[[], None]:
        lines = "".join(f"note: {n * 10} % of the traffic\n" for n in range(1, count + 1))
        return lambda: stories.writes(kfp, "deploy", lines)

    story = stories.through(kfp, ("register", "deploy"), stories.PROMOTED)
    kfp.story = [*story[:3], noted(1), noted(2), noted(2), story[3]]
    watch()
    assert [note for note in told.notes if "traffic" in note] == [
        "10 % of the traffic",
        "20 % of the traffic",
    ]


def waiting(kfp: FakeKfp) -> list[Callable[[], None]]:
    def pending() -> None:
        kfp.only().begin("ingest", "PENDING")

    return [pending, *[lambda: None] * 8, lambda: kfp.set_state("CANCELED")]


def test_a_missing_image_is_told_where_the_ui_shows_the_pods(
    kfp: FakeKfp, watch: Callable[[], Result], told: Told
) -> None:
    kfp.is_ui = True
    state = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling "kanarya/x"'}}
    pod = {"status": {"phase": "Pending", "containerStatuses": [{"state": state}]}}
    kfp.pods[kfp.only().pod("ingest", 0 if kfp.only().retries("ingest") else None)] = pod
    kfp.story = waiting(kfp)
    with pytest.raises(ClusterError):
        watch()
    (note,) = told.notes
    assert 'ImagePullBackOff: Back-off pulling "kanarya/x"; is the image pushed' in note


def test_a_pod_that_waits_is_told_with_the_command_that_says_why(
    kfp: FakeKfp, watch: Callable[[], Result], told: Told
) -> None:
    kfp.story = waiting(kfp)
    with pytest.raises(ClusterError):
        watch()
    (note,) = told.notes
    assert "kubectl -n kubeflow describe pod" in note


def test_a_run_that_nothing_begins_with_is_told(
    kfp: FakeKfp, watch: Callable[[], Result], told: Told
) -> None:
    kfp.only().nodes.clear()
    kfp.story = [*[lambda: None] * 9, lambda: kfp.set_state("CANCELED")]
    with pytest.raises(ClusterError):
        watch()
    assert ["workflow controller" in note for note in told.notes] == [True]


def test_a_run_started_from_the_ui_is_read_by_its_pipelines_version(
    kfp: FakeKfp, cluster: Cluster, told: Told, package: dict[str, Any]
) -> None:
    known = {"pipeline_id": "p", "pipeline_version_id": "v"}
    kfp.versions["v"] = {**known, "display_name": "one", "pipeline_spec": package}
    run = kfp.start({"display_name": "by hand", "pipeline_version_reference": known}, package)
    kfp.story = stories.through(kfp, ("reject",), stories.REJECTED)
    clock = Clock(told.now, told.sleep)
    ended = Watch(cluster, run["run_id"], clock, told.events.append).wait()
    assert ended.outcome == "rejected"
