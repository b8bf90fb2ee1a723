"""What a cluster says of itself, and what a rollout makes of it: refusals, doubts, modes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from serving.errors import ServiceError, UsageError
from serving.isvc.capabilities import STATE_ANNOTATIONS, Case, fitness, mode_for
from serving.isvc.client import ServiceClient
from serving.isvc.facts import Config, Facts, config_of, read_facts
from serving.isvc.modes import Mode, mode_wished
from serving.isvc.resource import ServiceView
from serving.settings import Settings

KEPT_OUT = frozenset(STATE_ANNOTATIONS)
CONFIG = Config(Mode.KNATIVE, gateway_api=True, kept_out=KEPT_OUT, release=(0, 21, 0))
GOOD = Facts(CONFIG, knative=True, gateway_api=True, knows_canary=True)
SERVICE = ServiceView("iris", "ml")
K, S = Mode.KNATIVE, Mode.STANDARD


def with_config(**changes: Any) -> Facts:
    return replace(GOOD, config=replace(CONFIG, **changes))


def marked(key: str) -> ServiceView:
    return replace(SERVICE, annotations={f"serving.kserve.io/{key}": "true"})


REFUSALS = {
    "no Knative": (K, replace(GOOD, knative=False), SERVICE, "KANARYA_DEPLOYMENT_MODE=standard"),
    "a percent in Standard": (S, GOOD, replace(SERVICE, canary_percent=10), "canaryTrafficPercent"),
    "no spec.canary": (S, replace(GOOD, knows_canary=False), SERVICE, "drop it silently"),
    "canaries without traffic": (S, with_config(release=(0, 20, 0)), SERVICE, "newer than v0.20.0"),
    "an older one": (S, with_config(release=(0, 15, 2)), SERVICE, "KServe v0.15.2"),
    "Gateway API off": (S, with_config(gateway_api=False), SERVICE, "enableGatewayApi off"),
    "no Gateway API": (S, replace(GOOD, gateway_api=False), SERVICE, "gateway.networking.k8s.io"),
    "copied annotations": (K, with_config(kept_out=frozenset()), None, "make a new revision"),
    "one of them": (
        K,
        with_config(kept_out=frozenset(STATE_ANNOTATIONS[:1])),
        None,
        f"put {STATE_ANNOTATIONS[1]} into serviceAnnotationDisallowedList",
    ),
    "copied in Standard": (S, with_config(kept_out=frozenset()), None, "restart all of its pods"),
    "no replica": (S, GOOD, replace(SERVICE, predictor={"minReplicas": 0}), "minReplicas 0"),
    "ModelMesh": (Mode.MODEL_MESH, GOOD, SERVICE, "ModelMesh"),
    "stopped": (K, GOOD, marked("stop"), "kubectl annotate isvc iris serving.kserve.io/stop-"),
    "frozen": (S, GOOD, marked("disable-auto-update"), "does nothing for it"),
}


@pytest.mark.parametrize(("mode", "facts", "view", "said"), REFUSALS.values(), ids=REFUSALS)
def test_what_the_cluster_would_ignore_is_refused_with_the_remedy(
    mode: Mode, facts: Facts, view: ServiceView | None, said: str
) -> None:
    found = fitness(Case("iris", mode, facts, view)).refusal
    assert found is not None and said in found
    assert found.startswith("iris: ") and found.endswith(".")


def test_a_name_that_leaves_no_room_for_the_canarys_is_refused() -> None:
    assert "44 letters" in (fitness(Case("x" * 44, S, GOOD)).refusal or "")
    assert fitness(Case("x" * 43, S, GOOD)).refusal is None
    assert fitness(Case("x" * 44, K, GOOD)).refusal is None


@pytest.mark.parametrize("mode", [K, S])
@pytest.mark.parametrize("view", [None, SERVICE], ids=["new", "there"])
def test_a_cluster_that_is_set_up_is_fit(mode: Mode, view: ServiceView | None) -> None:
    assert fitness(Case("iris", mode, GOOD, view)) == fitness(Case("iris", mode, GOOD))
    assert fitness(Case("iris", mode, GOOD, view)).doubts == ()


UNREAD = Facts(unread="403 in namespace kserve, 404 in namespace kubeflow", knative=True)
DOUBTS = {
    "Knative": (K, UNREAD, ["403 in namespace kserve"]),
    "Standard": (S, UNREAD, ["enableGatewayApi", "spec.canary", "newer than v0.20.0"]),
    "an image without a version": (S, with_config(release=None), ["newer than v0.20.0"]),
    "the local platform": (S, Facts(knative=True, local=True), []),
}


@pytest.mark.parametrize(("mode", "facts", "said"), DOUBTS.values(), ids=DOUBTS)
def test_what_could_not_be_found_out_is_a_doubt_and_no_refusal(
    mode: Mode, facts: Facts, said: list[str]
) -> None:
    found = fitness(Case("iris", mode, facts, SERVICE))
    assert found.refusal is None
    assert len(found.doubts) == len(said)
    assert all(word in doubt for word, doubt in zip(said, found.doubts, strict=True))


MODES = [
    (replace(SERVICE, mode=S), K, GOOD, S),
    (None, S, GOOD, S),
    (None, None, GOOD, K),
    (None, None, with_config(mode=S), S),
    (None, None, with_config(mode=None), K),
    (None, None, Facts(knative=False), S),
    (None, None, Facts(), K),
    (SERVICE, S, GOOD, K),
]


@pytest.mark.parametrize(("view", "wished", "facts", "mode"), MODES)
def test_the_mode_is_the_services_own_then_the_wish_then_the_clusters(
    view: ServiceView | None, wished: Mode | None, facts: Facts, mode: Mode
) -> None:
    assert mode_for(view, wished, facts) is mode


def test_the_environment_wishes_for_a_mode_by_any_of_its_names() -> None:
    for word, mode in {"standard": S, "RawDeployment": S, "knative": K, "": None}.items():
        assert Settings.from_env({"KANARYA_DEPLOYMENT_MODE": word}).mode is mode
    settings = Settings.from_env({"KANARYA_DEPLOYMENT_MODE": "Standard"})
    assert Settings.from_env(settings.environment()).mode is S
    with pytest.raises(
        UsageError, match="KANARYA_DEPLOYMENT_MODE=modelmesh: .*knative or standard"
    ):
        mode_wished("modelmesh")


# The reading

PATHS = {
    "/version": {"gitVersion": "v1.32.0"},
    "/apis/serving.knative.dev/v1": {},
    "/apis/gateway.networking.k8s.io/v1": {},
}
CONFIG_PATH = "/api/v1/namespaces/kserve/configmaps/inferenceservice-config"
SCHEMA_PATH = "/openapi/v3/apis/serving.kserve.io/v1beta1"


def schema(spec: dict[str, Any] | None) -> dict[str, Any]:
    kinds = [{"group": "serving.kserve.io", "kind": "InferenceService", "version": "v1beta1"}]
    properties = {"spec": spec} if spec else {}
    found = {"x-kubernetes-group-version-kind": kinds, "properties": properties}
    return {"components": {"schemas": {"isvc": found, "other": {"properties": {}}}}}


def facts_of(**paths: Any) -> Facts:
    known = PATHS | {CONFIG_PATH: paths.get("config"), SCHEMA_PATH: paths.get("schema")}
    return read_facts(
        lambda path: (200, known[path]) if known.get(path) is not None else (404, None)
    )


DATA = {
    "deploy": '{"defaultDeploymentMode": "Serverless"}',
    "ingress": '{"enableGatewayApi": true}',
    "inferenceService": json.dumps({"serviceAnnotationDisallowedList": sorted(KEPT_OUT)}),
    "storageInitializer": '{"image": "kserve/storage-initializer:v0.21.0"}',
}


def test_the_configuration_and_the_schema_are_read() -> None:
    known = {"properties": {"predictor": {}, "canary": {"type": "array"}}}
    assert facts_of(config={"data": DATA}, schema=schema(known)) == GOOD


@pytest.mark.parametrize(
    ("spec", "known"),
    [
        ({"properties": {"predictor": {}}}, False),
        ({"properties": {"canary": {}}}, True),
        ({"x-kubernetes-preserve-unknown-fields": True}, None),
        (None, None),
    ],
)
def test_a_schema_that_keeps_everything_tells_nothing(
    spec: dict[str, Any] | None, known: bool | None
) -> None:
    assert facts_of(schema=schema(spec)).knows_canary is known


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, Config()),
        ({"ingress": "{", "deploy": "[]"}, Config()),
        ({"ingress": '{"enableGatewayApi": "yes"}'}, Config()),
        ({"agent": '{"image": "kserve/agent:latest"}'}, Config()),
        ({"agent": '{"image": "mirror:5000/kserve/agent:v9.9.9"}'}, Config()),
        (
            {"router": '{"image": "docker.io/kserve/router:v0.20.0-rc1"}'},
            Config(release=(0, 20, 0)),
        ),
        ({"deploy": '{"defaultDeploymentMode": "RawDeployment"}'}, Config(mode=S)),
    ],
)
def test_a_configuration_that_says_nothing_is_no_error(
    data: dict[str, str], expected: Config
) -> None:
    assert config_of(data) == expected


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_what_may_not_be_read_is_left_open_with_the_reason(status: int) -> None:
    found = read_facts(lambda path: (status, None))
    assert (found.config, found.knows_canary) == (None, None)
    assert found.unread == f"{status} in namespace kserve, {status} in namespace kubeflow"
    assert found.knative is (False if status == 404 else None)


def test_the_local_platform_is_known_by_its_version(api: ServiceClient) -> None:
    assert api.facts() == Facts(knative=True, local=True)


def test_a_refused_rollout_writes_nothing() -> None:
    from tests.serving.rollout.stage import Stage

    stage = Stage.with_live("1")
    stage.cluster.about = replace(GOOD, knative=False)
    with pytest.raises(ServiceError, match="iris: .*no Knative Serving"):
        stage.run("2")
    assert (stage.cluster.patches, stage.ledger.kinds("2")) == ([], [])


def test_a_doubt_is_told_and_the_rollout_goes_on() -> None:
    from tests.serving.rollout.stage import Stage

    stage = Stage.with_live("1")
    stage.cluster.about = UNREAD
    assert stage.run("2").kind == "promoted"
    assert ["could not be read" in e.sentence for e in stage.events if e.kind == "warning"] == [
        True
    ]


@pytest.mark.parametrize("load_s", [0.5, 8.0], ids=["while it is observed", "while it comes up"])
def test_copied_annotations_are_found_out_by_the_revisions_they_make(load_s: float) -> None:
    from tests.serving.rollout.fake_cluster import Behaviour
    from tests.serving.rollout.stage import Stage, uri

    stage = Stage.with_live("1")
    stage.cluster.copies_annotations = True
    stage.cluster.tick(2)
    stage.cluster.behaviours[uri("2")] = Behaviour(load_s=load_s)
    outcome = stage.run("2")
    assert (outcome.kind, outcome.live_version) == ("rolled_back", "1")
    assert "serviceAnnotationDisallowedList" in outcome.reason
    assert stage.live() == {uri("1"): 100}
