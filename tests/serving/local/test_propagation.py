from __future__ import annotations

from typing import Any

import pytest

from serving.local.conditions import Condition, dated
from serving.local.observed import STOPPED
from serving.local.propagation import Verdict, revision_status
from tests.serving.local.a3_rows import CANARY, LIVE, Loaded, Loads, Patch
from tests.serving.local.paper import CRASHED, played


def conditions(status: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: each["status"] for each in status["conditions"]}


INITIAL = {
    "IngressReady": "True",
    "LatestDeploymentReady": "True",
    "PredictorConfigurationReady": "True",
    "PredictorReady": "True",
    "PredictorRouteReady": "True",
    "Ready": "True",
    "RoutesReady": "True",
    "Stopped": "False",
}
NEWEST = ("LatestDeploymentReady", "PredictorConfigurationReady", "PredictorReady", "Ready")


def test_the_status_of_the_first_revision_that_is_ready() -> None:
    status = played(*(operation for operation, _ in LIVE)).status("now")
    assert conditions(status) == INITIAL
    assert [each["type"] for each in status["conditions"]] == sorted(INITIAL)
    assert {each["type"] for each in status["conditions"] if each.get("severity") == "Info"} == {
        *("LatestDeploymentReady", "PredictorConfigurationReady", "PredictorRouteReady"),
        *("RoutesReady", "Stopped"),
    }
    assert status["observedGeneration"] == 1
    assert status["deploymentMode"] == "Knative"
    assert status["url"] == "http://127.0.0.1:8601/serving/ml/iris"
    predictor = status["components"]["predictor"]
    assert predictor["url"] == "http://127.0.0.1:8601/serving/ml/iris-predictor"
    assert predictor["traffic"] == [
        {"latestRevision": True, "percent": 100, "revisionName": "iris-predictor-00001"}
    ]
    assert status["modelStatus"] == {
        "transitionStatus": "UpToDate",
        "states": {"activeModelState": "Loaded", "targetModelState": "Loaded"},
        "copies": {"failedCopies": 0, "totalCopies": 1},
    }


def test_a_canary_that_loads_makes_ready_unknown_and_leaves_the_routes_true() -> None:
    status = played(Patch("m1"), Patch("m2", 10, Loads.WHEN_TOLD)).status("now")
    assert conditions(status) == {**INITIAL, **dict.fromkeys(NEWEST, "Unknown")}
    assert status["observedGeneration"] == 2
    assert status["modelStatus"]["transitionStatus"] == "InProgress"
    assert status["modelStatus"]["states"] == {
        "activeModelState": "Loaded",
        "targetModelState": "Loading",
    }
    predictor = status["components"]["predictor"]
    assert predictor["latestCreatedRevision"] == "iris-predictor-00002"
    assert predictor["latestReadyRevision"] == "iris-predictor-00001"
    assert all("latestRevision" in entry for entry in predictor["traffic"])


def test_a_canary_that_fails_says_why() -> None:
    paper = played(Patch("m1"), Patch("m2", 10, Loads.NEVER))
    status = paper.status("later")
    assert conditions(status) == {**INITIAL, **dict.fromkeys(NEWEST, "False")}
    ready = next(each for each in status["conditions"] if each["type"] == "PredictorReady")
    assert ready["reason"] == "RevisionFailed"
    assert "model.onnx is damaged" in ready["message"]
    assert status["modelStatus"]["transitionStatus"] == "BlockedByFailedLoad"
    assert status["modelStatus"]["states"]["targetModelState"] == "FailedToLoad"
    assert status["modelStatus"]["lastFailureInfo"] == {
        "reason": "ModelLoadFailed",
        "message": "ModelError: model.onnx is damaged",
        "exitCode": 3,
        "modelRevisionName": "iris-predictor-00002",
        "time": "2026-01-01T00:00:00Z",  # when it was first seen, not now
    }


def test_a_failure_is_forgotten_once_a_good_model_is_loaded() -> None:
    paper = played(Patch("m1"), Patch("m2", 10, Loads.NEVER), Patch("m3", loads=Loads.WHEN_TOLD))
    assert "lastFailureInfo" in paper.status("now")["modelStatus"]
    paper.play(Loaded("m3"))
    assert "lastFailureInfo" not in paper.status("now")["modelStatus"]


@pytest.mark.parametrize(
    ("revision", "routes", "configuration"), [("1", "False", "True"), ("2", "False", "False")]
)
def test_a_revision_that_crashed_is_not_ready(
    revision: str, routes: str, configuration: str
) -> None:
    paper = played(Patch("m1"), Patch("m2", 10))
    paper.observed[f"iris-predictor-0000{revision}"] = CRASHED
    found = conditions(paper.status("now"))
    assert (found["RoutesReady"], found["LatestDeploymentReady"]) == (routes, configuration)
    assert found["Ready"] == "False"


def test_the_first_revision_fails_and_there_is_no_route_and_no_address() -> None:
    status = played(Patch("m1", loads=Loads.NEVER)).status("now")
    assert conditions(status)["RoutesReady"] == "False"
    assert conditions(status)["IngressReady"] == "Unknown"
    assert "url" not in status


def test_a_refused_spec_is_a_reconcile_failure_and_the_traffic_stays() -> None:
    paper = played(*(operation for operation, _ in CANARY))
    before = paper.status("now")["components"]
    status = paper.status("now", Verdict(refused="expected 0 <= 150 <= 100"))
    ready = next(each for each in status["conditions"] if each["type"] == "PredictorReady")
    assert (ready["status"], ready["reason"]) == ("False", "ReconcileFailed")
    assert ready["message"] == "expected 0 <= 150 <= 100"
    assert conditions(status)["Ready"] == "False"
    assert status["components"] == before
    assert status["modelStatus"]["transitionStatus"] == "UpToDate"


def test_an_invalid_predictor_is_named_in_the_model_status() -> None:
    status = played(Patch("m1")).status("now", Verdict(refused="no such scheme", invalid=True))
    assert status["modelStatus"]["transitionStatus"] == "InvalidSpec"
    assert status["modelStatus"]["lastFailureInfo"]["reason"] == "InvalidPredictorSpec"


def test_a_stopped_service_is_not_ready_because_it_is_stopped() -> None:
    status = played(Patch("m1")).status("now", Verdict(stopped=True))
    found = conditions(status)
    assert found.pop("Stopped") == "True"
    assert set(found.values()) == {"False"}


def test_the_time_of_a_condition_moves_only_with_its_status() -> None:
    first = dated([Condition("Ready", "False", "A", "one")], [], "10:00")
    second = dated([Condition("Ready", "False", "B", "two")], first, "11:00")
    third = dated([Condition("Ready", "True")], second, "12:00")
    times = [each[0]["lastTransitionTime"] for each in (first, second, third)]
    assert times == ["10:00", "10:00", "12:00"]
    assert second[0]["message"] == "two"


def test_a_stopped_revision_is_inactive() -> None:
    status = revision_status({"metadata": {"generation": 1}}, STOPPED, "now")
    ready = next(each for each in status["conditions"] if each["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "Inactive")
