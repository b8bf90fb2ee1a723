from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from serving.local import revisions
from serving.local.addresses import Addresses
from serving.local.conditions import Condition, dated
from serving.local.knative import State, TrafficTarget, Wanted, hold, settle, traffic_block
from serving.local.observed import READY, STARTING, STOPPED, Observed, Phase
from serving.local.propagation import Seen, Verdict, isvc_status, ksvc_status, read_state
from tests.serving.local.a3_rows import (
    CANARY,
    LIVE,
    ROWS,
    Expect,
    Loaded,
    Loads,
    Patch,
    Row,
    seen_in,
)

FAILED = Observed(Phase.FAILED, "ExitCode3", "ModelError: model.onnx is damaged", 3)
CRASHED = Observed(Phase.UNHEALTHY, "ExitCode137", "out of memory", 137)
PHASES = {Loads.AT_ONCE: READY, Loads.WHEN_TOLD: STARTING, Loads.NEVER: FAILED}
ISVC: dict[str, Any] = {"metadata": {"name": "iris"}, "spec": {"predictor": {}}}
ADDRESSES = Addresses("http://127.0.0.1:8601", "ml", "iris")


class Paper:
    """Plays a row with values only: each patch of a uri is a revision."""

    def __init__(self, tagged: bool = False) -> None:
        self.wanted = Wanted(tagged=tagged)
        self.state = State()
        self.observed: dict[str, Observed] = {}
        self.uris: dict[str, str] = {}
        self.isvc = ISVC
        self.generation = 0

    def play(self, operation: Patch | Loaded) -> Expect:
        if isinstance(operation, Loaded):
            self.observed[self.uris[operation.uri]] = READY
        else:
            self.patch(operation)
        before = self.state
        self.state = settle(self.state, self.wanted, self.observed)
        self.generation += self.state.asked != before.asked or isinstance(operation, Patch)
        return seen_in(self.status("2026-01-01T00:00:00Z"))

    def patch(self, patch: Patch) -> None:
        if patch.percent != "keep":
            self.wanted = replace(self.wanted, percent=patch.percent)
        if patch.uri:
            name = revisions.revision_name("iris", len(self.observed) + 1)
            self.observed[name] = PHASES[patch.loads]
            self.uris[patch.uri] = name
            self.state = replace(self.state, created=name)

    def status(self, now: str, why: Verdict | None = None) -> dict[str, Any]:
        seen = Seen(self.state, self.observed, ADDRESSES, now)
        status = isvc_status(self.isvc, self.ksvc(), seen, why or Verdict())
        self.isvc = {**ISVC, "status": status}
        return status

    def ksvc(self) -> dict[str, Any]:
        return {"metadata": {"generation": self.generation}}


def played(*operations: Patch | Loaded, tagged: bool = False) -> Paper:
    paper = Paper(tagged)
    for operation in operations:
        paper.play(operation)
    return paper


def conditions(status: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: each["status"] for each in status["conditions"]}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_traffic_follows_the_table(row: Row) -> None:
    paper = Paper()
    for number, (operation, expected) in enumerate(row.steps):
        assert paper.play(operation) == expected, f"step {number}: {operation}"


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_no_operation_ever_asks_for_shares_that_do_not_add_up_to_100(row: Row) -> None:
    paper = Paper()
    for operation, _ in row.steps:
        paper.play(operation)
        assert sum(target.percent for target in paper.state.asked) == 100
        assert sum(target.percent for target in paper.state.served) in (0, 100)


@pytest.mark.parametrize(
    ("percent", "rolledout", "block"),
    [
        (None, None, [(True, 100, None)]),
        (None, "a-00001", [(True, 100, None)]),
        (20, None, [(True, 100, None)]),
        (20, "a-00001", [(True, 20, None), (False, 80, "prev")]),
        (0, "a-00001", [(True, 0, None), (False, 100, "prev")]),
        (100, "a-00001", [(True, 100, None)]),
    ],
)
def test_the_traffic_block_of_a_percent(percent: int | None, rolledout: str, block: list) -> None:
    made = traffic_block(Wanted(percent), rolledout)
    assert [(target.latest, target.percent, target.tag) for target in made] == block


def test_tag_routing_gives_the_latest_revision_an_address_of_its_own() -> None:
    paper = played(Patch("m1"), Patch("m2", 10), tagged=True)
    traffic = paper.status("now")["components"]["predictor"]["traffic"]
    assert [(entry["tag"], entry["url"]) for entry in traffic] == [
        ("latest", "http://127.0.0.1:8601/serving/ml/latest-iris-predictor"),
        ("prev", "http://127.0.0.1:8601/serving/ml/prev-iris-predictor"),
    ]


def test_the_spec_of_a_ksvc_names_no_revision_for_the_latest_target() -> None:
    paper = played(Patch("m1"), Patch("m2", 10))
    assert [target.to_json() for target in paper.state.asked] == [
        {"latestRevision": True, "percent": 10},
        {
            "latestRevision": False,
            "percent": 90,
            "revisionName": "iris-predictor-00001",
            "tag": "prev",
        },
    ]


def test_a_rollback_to_a_revision_that_must_start_first_keeps_the_present_traffic() -> None:
    paper = played(Patch("m1"), Patch("m2", 10), Patch(percent=None))
    paper.observed["iris-predictor-00001"] = STARTING
    assert paper.play(Patch(percent=0)).traffic == "v2*:0 v2:100"
    assert paper.play(Loaded("m1")) == Expect("v2*:0 v1:100", "v1", "v1")


def test_a_rollback_works_while_the_promoted_revision_is_down() -> None:
    paper = played(Patch("m1"), Patch("m2", 10), Patch(percent=None))
    paper.observed["iris-predictor-00002"] = CRASHED
    assert paper.play(Patch(percent=0)).traffic == "v2*:0 v1:100"


def test_a_canary_that_crashed_gets_no_greater_share() -> None:
    paper = played(Patch("m1"), Patch("m2", 10))
    paper.observed["iris-predictor-00002"] = CRASHED
    assert paper.play(Patch(percent=50)).traffic == "v2*:10 v1:90"
    assert paper.play(Loaded("m2")).traffic == "v2*:50 v1:50"


def test_a_refused_spec_leaves_what_is_asked_but_follows_readiness() -> None:
    paper = played(Patch("m1"), Patch("m2", 10, Loads.WHEN_TOLD))
    paper.observed["iris-predictor-00002"] = READY
    held = hold(paper.state, paper.observed)
    assert (held.asked, held.rolledout) == (paper.state.asked, paper.state.rolledout)
    assert [target.percent for target in held.served] == [10, 90]


def test_the_processes_that_are_needed_include_the_previous_champion() -> None:
    paper = played(Patch("m1"), Patch("m2", 10), Patch(percent=None))
    assert paper.state.running() == {"iris-predictor-00001", "iris-predictor-00002"}
    paper.play(Patch("m3", 10))
    assert len(paper.state.running()) == 3
    paper.play(Patch(percent=None))
    assert paper.state.running() == {"iris-predictor-00002", "iris-predictor-00003"}


def test_a_settled_state_stays_as_it_is() -> None:
    for row in ROWS:
        paper = played(*(operation for operation, _ in row.steps))
        assert settle(paper.state, paper.wanted, paper.observed) == paper.state


def test_what_is_kept_in_the_objects_is_the_whole_state() -> None:
    paper = played(*(operation for operation, _ in CANARY))
    status = ksvc_status(paper.ksvc(), Seen(paper.state, paper.observed, ADDRESSES, "now"))
    spec = {"traffic": [target.to_json() for target in paper.state.asked]}
    assert read_state(paper.isvc, {"spec": spec, "status": status}) == paper.state


# -- the status of an InferenceService

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
    from serving.local.propagation import revision_status

    status = revision_status({"metadata": {"generation": 1}}, STOPPED, "now")
    ready = next(each for each in status["conditions"] if each["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "Inactive")


# -- what makes a revision

MODEL = {"modelFormat": {"name": "onnx"}, "storageUri": "file:///m/1", "args": ["--a"]}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"canaryTrafficPercent": 10}, True),
        ({"model": {**MODEL, "name": ""}}, True),
        ({"model": {**MODEL, "env": []}}, True),
        ({"model": {**MODEL, "storageUri": "file:///m/2"}}, False),
        ({"model": {**MODEL, "args": ["--b"]}}, False),
        ({"model": {**MODEL, "env": [{"name": "A", "value": "1"}]}}, False),
        ({"model": {**MODEL, "runtime": "other"}}, False),
        ({"minReplicas": 2}, False),
        ({"minReplicas": 0}, False),
        ({"maxReplicas": 3}, False),
        ({"labels": {"team": "a"}}, False),
        ({"annotations": {"a": "b"}}, False),
        ({"timeout": 3}, False),
    ],
)
def test_a_new_revision_comes_of_a_new_template_only(change: dict[str, Any], same: bool) -> None:
    first = revisions.template_of("iris", {"model": MODEL})
    second = revisions.template_of("iris", {"model": MODEL, **change})
    metadata = {
        "name": "iris-predictor",
        "namespace": "ml",
        "labels": first["metadata"]["labels"],
        "uid": "u",
    }
    ksvc = {"apiVersion": "v", "kind": "k", "metadata": metadata, "spec": {"template": first}}
    revision = revisions.revision_object(ksvc, 1)
    assert revision["metadata"]["name"] == "iris-predictor-00001"
    assert revisions.made_of(revision, first)
    assert revisions.made_of(revision, second) is same


@pytest.mark.parametrize(
    ("predictor", "words"),
    [
        ({"model": {"storageUri": "file:///m"}}, None),
        ({"model": {"storageUri": "/m"}}, None),
        ({"model": {"storageUri": "gs://bucket/m"}}, None),
        ({"model": {"storageUri": "s3://bucket/m"}}, '"s3://bucket/m" is not supported'),
        ({"model": {"storageUri": "file://host/m"}}, "host"),
        ({"model": {}}, "storageUri is missing"),
        ({}, "storageUri is missing"),
        (
            {"model": {"storageUri": "/m", "env": [{"name": "A", "valueFrom": {}}]}},
            "env A uses valueFrom",
        ),
    ],
)
def test_a_predictor_that_cannot_be_served_is_refused(
    predictor: dict[str, Any], words: str | None
) -> None:
    said = revisions.refusal(predictor)
    assert said is None if words is None else words in str(said)


@pytest.mark.parametrize("percent", [150, -10, 101, -1, 1.5, "10", True])
def test_a_percent_out_of_range_is_refused_with_its_value(percent: object) -> None:
    assert f"0 <= {percent} <= 100" in str(revisions.percent_refusal(percent))


@pytest.mark.parametrize("percent", [None, 0, 1, 99, 100])
def test_a_percent_in_range_is_taken(percent: object) -> None:
    assert revisions.percent_refusal(percent) is None


def test_a_traffic_entry_survives_being_written() -> None:
    for target in (TrafficTarget(10, True, "a-00002", "latest"), TrafficTarget(90, False, "a")):
        assert TrafficTarget.from_json(target.to_json()) == target
