"""Standard mode by tables: the real control plane over processes that are only written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from serving.local.deployments import predictor_condition
from serving.local.resources import DEPLOYMENTS, EVENTS, HTTP_ROUTES, INFERENCE_SERVICES, PODS
from serving.local.routes import Route, RouteTable, Target
from serving.local.standard import merged_over
from tests.serving.local.a6_rows import (
    ROWS,
    STANDARD,
    Becomes,
    Expect,
    Row,
    Spec,
    Waits,
    canary,
    predictor,
)
from tests.serving.local.fake_cluster import FakeCluster


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    made = FakeCluster()
    yield made
    made.close()


def perform(cluster: FakeCluster, step: Spec | Becomes | Waits) -> None:
    match step:
        case Spec(fields) if cluster.store.list(INFERENCE_SERVICES, "ml")[0]:
            cluster.change(**fields)
        case Spec(fields):
            cluster.create(fields["predictor"], fields.get("canary"), **STANDARD)
        case Becomes(uri, phase):
            cluster.becomes(cluster.processes.of(f"file:///m/{uri}"), phase)
        case Waits(seconds):
            cluster.wait(seconds)


def seen_in(cluster: FakeCluster) -> Expect:
    """Return everything that the table speaks of, as it is stored and told to the gateway."""
    status, route = cluster.status(), cluster.routing.routes["iris"]
    made = {each["metadata"]["name"]: each for each in cluster.store.list(DEPLOYMENTS, "ml")[0]}
    told = {each.revision: each for each in route.targets}
    order = [n for n in told if n in made]
    entries = status.get("canaryStatuses", ())
    return Expect(
        route=" ".join(f"{short(name)}:{weight}" for name, weight in weights(cluster)),
        serves=" ".join(f"{short(n)}={model(cluster, told[n].process)}" for n in order),
        replicas=" ".join(str(made[name]["spec"]["replicas"]) for name in order),
        canaries=" ".join(
            f"{e['name']}{'' if e['ready'] else '?'}:{e['trafficPercent']}" for e in entries
        ),
        condition=cluster.condition("CanaryPredictorReady").get("reason", ""),
        ready=cluster.condition()["status"],
    )


def weights(cluster: FakeCluster) -> list[tuple[str, int]]:
    """Return the backends of the HTTPRoute; both routes and the gateway must say the same."""
    routes = cluster.store.list(HTTP_ROUTES, "ml")[0]
    found = [[(r["name"], r.get("weight", 100)) for r in refs(route)] for route in routes]
    told = [(t.revision, t.percent) for t in cluster.routing.routes["iris"].targets]
    if not found:
        assert sum(percent for _, percent in told) == 0
        return []
    assert [route["metadata"]["name"] for route in routes] == ["iris", "iris-predictor"]
    assert found[0] == found[1] == told[: len(found[0])]
    assert sum(percent for _, percent in told) == 100
    return found[0]


def refs(route: dict[str, Any]) -> list[dict[str, Any]]:
    return list(route["spec"]["rules"][0]["backendRefs"])


def model(cluster: FakeCluster, process: str | None) -> str:
    spec = cluster.processes.specs.get(f"ml/{process}")
    return spec.storage_uri.removeprefix("file:///m/") if spec else ""


def short(deployment: str) -> str:
    return deployment.removeprefix("iris-").removesuffix("predictor").rstrip("-") or "-"


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_deployments_and_route_follow_the_table(row: Row, cluster: FakeCluster) -> None:
    for number, (operation, expected) in enumerate(row.steps):
        perform(cluster, operation)
        assert seen_in(cluster) == expected, f"step {number}: {operation}"
        pods = {f"ml/{pod['metadata']['name']}" for pod in cluster.store.list(PODS, "ml")[0]}
        assert cluster.processes.running() == pods
    version = cluster.store.resource_version()
    cluster.restart()
    cluster.settle()
    assert cluster.store.resource_version() == version


def test_a_promotion_starts_nothing(cluster: FakeCluster) -> None:
    promoted = next(row for row in ROWS if row.title == "promoted in one patch")
    for operation, _ in promoted.steps:
        perform(cluster, operation)
    assert len(cluster.processes.started) == 2  # the first version and the canary


@pytest.mark.parametrize(
    ("more", "starts"),
    [
        ({}, 0),
        ({"minReplicas": 3, "maxReplicas": 5, "scaleTarget": 2}, 0),
        ({"timeout": 30, "containerConcurrency": 2}, 0),
        ({"canaryTrafficPercent": 50}, 0),
        ({"labels": {"team": "blue"}}, 1),
        ({"model": {"env": [{"name": "A", "value": "1"}]}}, 1),
        ({"logger": {"mode": "all"}}, 1),
    ],
)
def test_only_what_a_pod_is_made_of_starts_another_one(
    more: dict[str, Any], starts: int, cluster: FakeCluster
) -> None:
    cluster.create(predictor("m1"), **STANDARD)
    cluster.change(predictor=more)
    assert len(cluster.processes.started) == 1 + starts


def test_a_canary_inherits_what_it_does_not_say(cluster: FakeCluster) -> None:
    stable = predictor("m1")
    stable["model"] |= {"args": ["--a"], "env": [{"name": "A", "value": "1"}]}
    own = canary("v2", 50)
    own["predictor"]["model"]["args"] = ["--b"]
    cluster.create(stable, [own], **STANDARD)
    spec = cluster.processes.specs[cluster.processes.of("file:///m/v2")]
    assert (spec.args, spec.env, spec.known_as) == (("--b",), (("A", "1"),), "iris-v2-predictor")


@pytest.mark.parametrize(
    ("below", "above", "merged"),
    [
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"b": 1, "c": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": [1]}, {"a": []}, {"a": [1]}),  # an empty value says nothing
        ({"a": 1}, {"a": 0}, {"a": 1}),
        ({"a": True}, {"a": False}, {"a": True}),
        ({"a": "x"}, {"a": ""}, {"a": "x"}),
    ],
)
def test_a_canary_is_merged_over_the_stable_one(below: Any, above: Any, merged: Any) -> None:
    assert merged_over(below, above) == merged


COMPLETE, MOVING, STUCK = (
    ("True", "NewReplicaSetAvailable"),
    ("True", "ReplicaSetUpdated"),
    ("False", "ProgressDeadlineExceeded"),
)
ENOUGH, TOO_FEW = ("True", "MinimumReplicasAvailable"), ("False", "MinimumReplicasUnavailable")


@pytest.mark.parametrize(
    ("available", "progressing", "found"),
    [
        (ENOUGH, COMPLETE, COMPLETE),
        (ENOUGH, MOVING, ENOUGH),
        (ENOUGH, STUCK, STUCK),
        (TOO_FEW, COMPLETE, TOO_FEW),
        (TOO_FEW, MOVING, TOO_FEW),
        (TOO_FEW, STUCK, TOO_FEW),
    ],
)
def test_predictor_ready_is_decided_as_in_kserve(
    available: tuple[str, str], progressing: tuple[str, str], found: tuple[str, str]
) -> None:
    given = {"Available": available, "Progressing": progressing}
    conditions = [
        {"type": kind, "status": status, "reason": reason, "message": reason}
        for kind, (status, reason) in given.items()
    ]
    decided = predictor_condition(conditions)
    assert (decided.status, decided.reason) == found


IRIS = Route(
    "ml",
    "iris",
    (
        Target("iris-predictor", 80, "iris-predictor", "iris-predictor-abc"),
        Target("iris-v2-predictor", 20, "iris-v2-predictor", "iris-v2-predictor-def"),
    ),
    "iris-predictor",
    standard=True,
)


@pytest.mark.parametrize(
    ("target", "host", "tag"),
    [
        ("/serving/ml/iris/v2", "", None),
        ("/serving/ml/iris-predictor/v2", "", "iris-predictor"),
        ("/serving/ml/iris-v2-predictor/v2", "", "iris-v2-predictor"),
        ("/v2", "iris-ml.example.com", None),
        ("/v2", "iris-predictor-ml.example.com:8080", None),
        ("/v2", "iris-predictor.ml.svc.cluster.local", "iris-predictor"),
        ("/v2", "iris-v2-predictor.ml", "iris-v2-predictor"),
    ],
)
def test_the_split_has_hosts_of_its_own_and_every_deployment_a_service(
    target: str, host: str, tag: str | None
) -> None:
    table = RouteTable()
    table.set(IRIS)
    match = table.match(target, host)
    assert match is not None
    assert match.tag == tag
    assert match.service.process("iris-v2-predictor") == "ml/iris-v2-predictor-def"


@pytest.mark.parametrize("host", ["iris-ml", "iris-v2-predictor-ml.example.com", "iris-other.x"])
def test_other_hosts_lead_nowhere(host: str) -> None:
    table = RouteTable()
    table.set(IRIS)
    assert table.match("/v2", host) is None


def test_people_hear_that_it_is_ready_and_when_it_no_longer_is(cluster: FakeCluster) -> None:
    cluster.create(predictor("m1"), **STANDARD)
    for phase in ("ready", "crashed"):
        cluster.becomes(cluster.processes.of("file:///m/m1"), phase)
    told = [event["reason"] for event in cluster.store.list(EVENTS, "ml")[0]]
    assert sorted(told) == ["Created", "InferenceServiceNotReady", "InferenceServiceReady"]


def test_a_status_keeps_kserves_fields_and_no_others(cluster: FakeCluster) -> None:
    cluster.create(predictor("m1"), [canary("v2", 20)], **STANDARD)
    for uri in ("m1", "v2"):
        cluster.becomes(cluster.processes.of(f"file:///m/{uri}"), "ready")
    status = cluster.status()
    own = "http://gw/serving/ml/iris-predictor"
    assert {k: v for k, v in status.items() if k != "conditions"} == {
        "observedGeneration": 1,
        "components": {"predictor": {"url": "http://gw/serving/ml/iris"}},
        "modelStatus": {
            "transitionStatus": "UpToDate",
            "states": {"activeModelState": "Loaded", "targetModelState": "Loaded"},
            "copies": {"failedCopies": 0, "totalCopies": 1},
        },
        "deploymentMode": "Standard",
        "clusterServingRuntimeName": "kanarya-predictor",
        "url": "http://gw/serving/ml/iris",
        "address": {"url": own},
        "canaryStatuses": [
            {
                "name": "v2",
                "ready": True,
                "trafficPercent": 20,
                "modelStatus": {"transitionStatus": ""},
            }
        ],
    }
    told = json.loads(cluster.isvc()["metadata"]["annotations"]["kanarya.dev/addresses"])
    assert told == {
        "iris-predictor": own,
        "iris-v2-predictor": "http://gw/serving/ml/iris-v2-predictor",
    }
