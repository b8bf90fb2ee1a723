"""Reading an InferenceService: the statuses of facts A.5, and half-written ones."""

from __future__ import annotations

from typing import Any

import pytest

from serving.isvc.drivers import KnativeDriver
from serving.isvc.resource import ServiceView, TrafficTarget, manifest, merge_patch, view_of

DRIVER = KnativeDriver()
V1, V2 = "iris-predictor-00001", "iris-predictor-00002"


def body(status: dict[str, Any], percent: int | None = 10) -> dict[str, Any]:
    made = manifest("iris", "ml", "file:///2", annotations={"x": "y"})
    made["metadata"].update(uid="u", resourceVersion="41", generation=2)
    if percent is not None:
        made["spec"]["predictor"]["canaryTrafficPercent"] = percent
    return {**made, "status": status}


def line(revision: str, percent: int, *, latest: bool, tag: str | None = None) -> dict[str, Any]:
    found = {"revisionName": revision, "percent": percent, "latestRevision": latest}
    return {**found, "tag": tag} if tag else found


def status(created: str, ready: str, traffic: list[dict[str, Any]]) -> dict[str, Any]:
    live = {
        "latestCreatedRevision": created,
        "latestReadyRevision": ready,
        "latestRolledoutRevision": V1,
        "traffic": traffic,
    }
    return {"components": {"predictor": live}, "url": "http://iris.ml"}


PROGRESSING = status(V2, V1, [line(V1, 10, latest=True), line(V1, 90, latest=False, tag="prev")])
LIVE = status(V2, V2, [line(V2, 10, latest=True), line(V1, 90, latest=False, tag="prev")])
ROLLED_BACK = status(V2, V2, [line(V2, 0, latest=True), line(V1, 100, latest=False, tag="prev")])
OTHER_TRAFFIC = status(V2, V2, [line(V1, 100, latest=True)])


@pytest.mark.parametrize(
    ("status", "ready", "split"),
    [
        pytest.param(PROGRESSING, False, {V1: 100}, id="canary progressing"),
        pytest.param(LIVE, True, {V2: 10, V1: 90}, id="canary live"),
        pytest.param(ROLLED_BACK, True, {V2: 0, V1: 100}, id="rolled back"),
        pytest.param(OTHER_TRAFFIC, False, {V1: 100}, id="ready, but the route lags behind"),
        pytest.param({}, False, {}, id="no status yet"),
    ],
)
def test_the_canary_is_ready_when_revisions_and_traffic_say_so(
    status: dict[str, Any], ready: bool, split: dict[str, int]
) -> None:
    view = view_of(body(status))
    assert DRIVER.canary_ready(view) is ready
    assert dict(DRIVER.live_split(view)) == split
    assert DRIVER.requested(view) == ("file:///2", 10)


def test_a_view_has_everything_that_is_there() -> None:
    view = view_of(body(LIVE))
    assert view == ServiceView(
        name="iris",
        namespace="ml",
        uid="u",
        resource_version="41",
        generation=2,
        storage_uri="file:///2",
        canary_percent=10,
        latest_created=V2,
        latest_ready=V2,
        rolled_out=V1,
        traffic=(TrafficTarget(V2, 10, None, True), TrafficTarget(V1, 90, "prev", False)),
        url="http://iris.ml",
        annotations={"serving.kserve.io/enable-tag-routing": "true", "x": "y"},
        predictor=body(LIVE)["spec"]["predictor"],
    )


@pytest.mark.parametrize(
    ("condition", "ready"), [("True", True), ("False", False), ("Unknown", None), (None, None)]
)
def test_the_ready_condition_has_three_values(condition: str | None, ready: bool | None) -> None:
    conditions = [{"type": "Ready", "status": condition}] if condition else []
    assert view_of(body({"conditions": conditions})).ready is ready


LOST = {
    "type": "PredictorReady",
    "status": "False",
    "reason": "RevisionFailed",
    "message": "exit 1",
}
FAILED = {"states": {"targetModelState": "FailedToLoad"}}


@pytest.mark.parametrize(
    ("status", "failure", "complaint"),
    [
        ({"modelStatus": {"transitionStatus": "InProgress"}}, None, None),
        (
            {
                "modelStatus": {
                    "transitionStatus": "BlockedByFailedLoad",
                    "lastFailureInfo": {
                        "reason": "ModelLoadFailed",
                        "exitCode": 1,
                        "message": "bad file",
                    },
                }
            },
            "ModelLoadFailed, exit code 1, bad file",
            None,
        ),
        ({"modelStatus": FAILED}, "the model could not be loaded", None),
        ({"modelStatus": FAILED, "conditions": [LOST]}, "RevisionFailed: exit 1", LOST["reason"]),
        ({"conditions": [LOST]}, None, "RevisionFailed: exit 1"),
    ],
)
def test_a_failure_is_told_from_a_complaint_that_may_pass(
    status: dict[str, Any], failure: str | None, complaint: str | None
) -> None:
    view = view_of(body(status))
    assert view.load_failure == failure
    assert (complaint or "") in (view.complaint or "")
    assert (view.complaint is None) == (complaint is None)


def test_each_move_of_the_knative_driver() -> None:
    view = ServiceView("iris", "ml", resource_version="41")
    moves = {
        "begin": DRIVER.begin(view, "file:///2", 0),
        "first": DRIVER.begin(view, "file:///2", None),
        "set": DRIVER.set_percent(view, 25),
        "promote": DRIVER.promote(view),
        "roll back": DRIVER.roll_back(view),
    }
    uri = {"model": {"storageUri": "file:///2"}}
    assert moves == {
        "begin": {"predictor": {**uri, "canaryTrafficPercent": 0}},
        "first": {"predictor": {**uri, "canaryTrafficPercent": None}},
        "set": {"predictor": {"canaryTrafficPercent": 25}},
        "promote": {"predictor": {"canaryTrafficPercent": None}},
        "roll back": {"predictor": {"canaryTrafficPercent": 0}},
    }


def test_a_patch_carries_the_resource_version_and_no_empty_spec() -> None:
    view = ServiceView("iris", "ml", resource_version="41")
    assert merge_patch(view, {}, {"a": "1"}) == {
        "metadata": {"resourceVersion": "41", "annotations": {"a": "1"}}
    }
