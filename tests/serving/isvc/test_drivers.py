"""What each driver writes and reads, as tables: one row for every trap of facts A.0 to A.6."""

from __future__ import annotations

import re
from typing import Any

import pytest

from serving.isvc.drivers import (
    Asked,
    Driver,
    KnativeDriver,
    ServiceDriver,
    StandardDriver,
    driver_for,
)
from serving.isvc.drivers.standard import LONGEST_NAME, LONGEST_SERVICE, canary_name
from serving.isvc.live import deployment
from serving.isvc.modes import Mode
from serving.isvc.resource import ServiceView, view_of

KNATIVE, STANDARD = KnativeDriver(), StandardDriver()
OLD, NEW, OTHER = "s3://m/1", "s3://m/2", "s3://m/3"
NAME = canary_name(ServiceView("iris", "ml"), NEW)
FORMAT = {"name": "kanarya"}
STABLE, CANARY = "iris-predictor", f"iris-{NAME}-predictor"


def entry(percent: int = 10, uri: str = NEW, name: str = NAME, **more: Any) -> dict[str, Any]:
    predictor = {
        "name": name,
        "minReplicas": 1,
        "model": {"modelFormat": FORMAT, "storageUri": uri},
    }
    return {"trafficPercent": percent, "predictor": {**predictor, **more}}


def state(name: str = NAME, percent: int = 10, *, ready: bool = True, **more: Any) -> Any:
    return {"name": name, "trafficPercent": percent, "ready": ready, **more}


LOADED = {"states": {"activeModelState": "Loaded"}}
READY = {"type": "Ready", "status": "True"}
FAILED = {
    "transitionStatus": "BlockedByFailedLoad",
    "lastFailureInfo": {"reason": "ModelLoadFailed", "exitCode": 1},
}


def standard(
    *canary: dict[str, Any],
    uri: str = OLD,
    said: list[Any] | None = None,
    model: dict[str, Any] | None = None,
    conditions: tuple[dict[str, Any], ...] = (),
    annotations: dict[str, str] | None = None,
    **predictor: Any,
) -> ServiceView:
    """A service in Standard mode that has once been ready, unless `model` says otherwise."""
    block = {"model": {"modelFormat": FORMAT, "storageUri": uri}, **predictor}
    status = {
        "deploymentMode": "Standard",
        "modelStatus": LOADED if model is None else model,
        "conditions": list(conditions),
        "components": {"predictor": {"url": "http://iris-ml"}},
        **({"canaryStatuses": said} if said else {}),
    }
    spec = {"predictor": block, **({"canary": list(canary)} if canary else {})}
    metadata = {"name": "iris", "namespace": "ml", "annotations": annotations or {}}
    return view_of({"metadata": metadata, "spec": spec, "status": status})


# What is written

LIVE = standard(minReplicas=4)
CHANGES = {
    "a canary of 0 % gets a replica, or it would never be ready": (
        STANDARD.begin(LIVE, NEW, 0),
        {"canary": [entry(0)]},
    ),
    "a canary that is there already is replaced as a whole": (
        STANDARD.begin(standard(entry(0, OTHER, "mine", env=[{"name": "A"}])), NEW, 0),
        {"canary": [entry(0)]},
    ),
    "replicas rise with the share, since KServe scales no canary": (
        STANDARD.set_percent(standard(entry(10), minReplicas=4), 50),
        {"canary": [entry(50, minReplicas=2)]},
    ),
    "a list is replaced whole, so all that is in the entry is sent again": (
        STANDARD.set_percent(standard(entry(10, env=[{"name": "A"}])), 25),
        {"canary": [entry(25, env=[{"name": "A"}])]},
    ),
    "name, uri and the empty list go in one patch": (
        STANDARD.promote(standard(entry(50))),
        {"predictor": {"name": NAME, "model": {"storageUri": NEW}}, "canary": []},
    ),
    "a rollback is an empty list": (STANDARD.roll_back(standard(entry(50))), {"canary": []}),
    "where nothing is live the predictor gets a new name with its new model": (
        STANDARD.begin(standard(model={}), NEW, None),
        {"predictor": {"name": NAME, "model": {"storageUri": NEW}}, "canary": []},
    ),
    "a new name without a new uri would be refused": (
        STANDARD.begin(standard(model={}), OLD, None),
        {"predictor": {"model": {"storageUri": OLD}}, "canary": []},
    ),
}


@pytest.mark.parametrize(("spec", "expected"), CHANGES.values(), ids=CHANGES)
def test_each_move_of_the_standard_driver(spec: Any, expected: Any) -> None:
    assert spec == expected


@pytest.mark.parametrize(
    ("service", "uri"),
    [
        ("iris", "s3://m/1"),
        ("iris", "gs://bucket/models/iris/41/"),
        ("iris", "file:///modeller/çiçek/Sürüm_2.0"),
        ("iris", "s3://m/" + "9" * 99),
        ("x" * LONGEST_NAME, "s3://m/12"),
        ("x" * (LONGEST_NAME - 3), "s3://m/12"),
        ("iris", ""),
    ],
)
def test_a_canarys_name_is_one_that_kserve_and_kubernetes_take(service: str, uri: str) -> None:
    name = canary_name(ServiceView(service, "ml"), uri)
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)
    assert len(deployment(service, name)) <= LONGEST_SERVICE
    assert name == canary_name(ServiceView(service, "ml"), uri), "a second try finds the first"
    assert name != canary_name(ServiceView(service, "ml"), uri + "0")


def test_a_canary_is_never_named_as_the_stable_predictor_is() -> None:
    by_hand = standard(uri="s3://mine", name=NAME)
    name = canary_name(by_hand, NEW)
    assert name != NAME and re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)


# What is read

UP = standard(entry(10), said=[state()])
SIGHTS: dict[str, tuple[ServiceView, bool, dict[str, int]]] = {
    "live, no canary": (standard(conditions=(READY,)), True, {STABLE: 100}),
    "asked for, and not in the status yet": (standard(entry(10)), False, {STABLE: 100}),
    "Ready does not know the canary": (
        standard(entry(10), said=[state(ready=False)], conditions=(READY,)),
        False,
        {STABLE: 100, CANARY: 0},
    ),
    "the canary is up": (UP, True, {STABLE: 90, CANARY: 10}),
    "the canary is up while Ready is not": (
        standard(entry(10), said=[state()], conditions=({"type": "Ready", "status": "False"},)),
        True,
        {STABLE: 90, CANARY: 10},
    ),
    "the spec asks for more than the controller has made": (
        standard(entry(50), said=[state()]),
        True,
        {STABLE: 90, CANARY: 10},
    ),
    "another canary is still in the status": (
        standard(entry(0), said=[state("mine", 30)]),
        False,
        {STABLE: 70, "iris-mine-predictor": 30},
    ),
    "rolled back, and the route is still the old one": (
        standard(said=[state()]),
        False,
        {STABLE: 90, CANARY: 10},
    ),
    "promoted, and the route is still the old one": (
        standard(uri=NEW, name=NAME, said=[state(percent=50)]),
        True,
        {CANARY: 50},
    ),
    "promoted": (standard(uri=NEW, name=NAME, conditions=(READY,)), True, {CANARY: 100}),
    "never live": (standard(model={}), False, {}),
}


@pytest.mark.parametrize(("view", "ready", "split"), SIGHTS.values(), ids=SIGHTS)
def test_what_is_live_is_read_from_the_status_and_never_from_the_spec(
    view: ServiceView, ready: bool, split: dict[str, int]
) -> None:
    assert STANDARD.canary_ready(view) is ready
    assert dict(STANDARD.live_split(view)) == split


def test_a_service_that_was_live_once_stays_so_whatever_ready_says() -> None:
    drained = standard(conditions=({"type": "Ready", "status": "False"},))
    assert STANDARD.stable_revision(drained) == STABLE
    assert STANDARD.stable_revision(standard(model={})) == ""
    assert STANDARD.stable_revision(standard(model={}, conditions=(READY,))) == STABLE


def test_kserve_remembers_nothing_to_go_back_to_in_standard_mode() -> None:
    assert STANDARD.previous_revision(standard(uri=NEW, name=NAME)) == ""


FAILURES = {
    "the canary's own": (standard(entry(), said=[state(modelStatus=FAILED)]), True),
    "the stable one's is not the canary's": (
        standard(entry(), said=[state()], model=FAILED),
        False,
    ),
    "KServe does not fill it": (
        standard(entry(), said=[state(ready=False, modelStatus={"transitionStatus": ""})]),
        False,
    ),
    "of the first version": (standard(model=FAILED), True),
    "of the version before this one": (standard(uri=NEW, name=NAME, model=FAILED), False),
}


@pytest.mark.parametrize(("view", "failed"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_believed_of_the_newest_deployment_alone(
    view: ServiceView, failed: bool
) -> None:
    assert (STANDARD.canary_failed(view) is not None) is failed


def test_what_keeps_a_canary_from_coming_up_is_told() -> None:
    waiting = {"type": "CanaryPredictorReady", "status": "False", "reason": "CanariesNotReady"}
    assert standard(entry(), conditions=(READY, waiting)).complaint == "CanariesNotReady"


# What a person changed

ASKED = Asked(NEW, 10, OLD)
DIFFERENCES = {
    "as asked": (UP, ASKED, None),
    "another percent": (standard(entry(77)), ASKED, "is 77 %"),
    "another model": (standard(entry(10, OTHER)), ASKED, OTHER),
    "another stable model": (standard(entry(10), uri=OTHER), ASKED, f"left it at {OLD}"),
    "a second canary": (standard(entry(10), entry(5, OTHER, "mine")), ASKED, "2 canaries"),
    "taken out by hand": (standard(), ASKED, "not set"),
    "promoted by hand": (standard(uri=NEW, name=NAME), ASKED, f"left it at {OLD}"),
    "taken out by us": (standard(), Asked(NEW, 0, OLD, taken_out=True), None),
    "put in again": (standard(entry(0)), Asked(NEW, 0, OLD, taken_out=True), "has a canary"),
    "promoted by us": (standard(uri=NEW, name=NAME), Asked(NEW, None, OLD), None),
    "a canary after it": (standard(entry(0, OTHER), uri=NEW), Asked(NEW, None, OLD), "a canary"),
}


@pytest.mark.parametrize(("view", "asked", "said"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_a_change_by_hand_is_found(view: ServiceView, asked: Asked, said: str | None) -> None:
    found = STANDARD.difference(view, asked)
    assert (found is None) if said is None else (found is not None and said in found)


def test_canaries_made_by_hand_stand_in_the_way_unless_they_get_nothing() -> None:
    assert "have 30 %" in (STANDARD.in_the_way(standard(entry(10), entry(20))) or "")
    assert STANDARD.in_the_way(standard(entry(0))) is None
    assert STANDARD.in_the_way(standard(entry(100))) is not None, "the list does not promote"


# Knative: revisions that nobody asked for

R1, R2, R3, R4, R12 = (f"iris-predictor-{number:05}" for number in (1, 2, 3, 4, 12))


@pytest.mark.parametrize(
    ("newest", "before", "canary", "found"),
    [
        (R1, R1, "", False),
        (R2, R1, "", False),
        (R3, R1, "", False),
        (R4, R1, "", True),
        (R12, R1, "", True),
        (R2, R1, R2, False),
        (R3, R1, R2, True),
        (R3, "", "", False),
        ("", R1, "", False),
        ("odd", "names", "", False),
    ],
)
def test_a_rollout_makes_one_revision_and_notices_another(
    newest: str, before: str, canary: str, found: bool
) -> None:
    view = ServiceView("iris", "ml", latest_created=newest)
    said = KNATIVE.unasked(view, before, canary)
    assert (said is not None) is found
    assert said is None or "serviceAnnotationDisallowedList" in said


# Where revisions answer


def knative(*traffic: dict[str, Any]) -> ServiceView:
    status = {"components": {"predictor": {"traffic": list(traffic)}}}
    return view_of({"metadata": {"name": "iris", "namespace": "ml"}, "status": status})


def line(revision: str, tag: str, *, latest: bool = False) -> dict[str, Any]:
    url = {"tag": tag, "url": f"http://{tag}-iris"} if tag else {}
    return {"revisionName": revision, "percent": 50, "latestRevision": latest, **url}


ADDRESSES = {
    "by tag": (
        knative(line(R2, "latest", latest=True), line(R1, "prev")),
        {R2: "http://latest-iris", R1: "http://prev-iris"},
    ),
    "the pinned tag of a revision that stands there twice": (
        knative(line(R1, "latest", latest=True), line(R1, "prev")),
        {R1: "http://prev-iris"},
    ),
    "without tag routing": (
        knative(line(R2, "", latest=True), line(R1, "prev")),
        {R2: "", R1: "http://prev-iris"},
    ),
    "by the Deployments' own Services": (
        UP,
        {STABLE: f"http://{STABLE}.ml", CANARY: f"http://{CANARY}.ml"},
    ),
    "as the local platform publishes them": (
        standard(
            entry(),
            said=[state()],
            annotations={"kanarya.dev/addresses": f'{{"{CANARY}": "http://x:1"}}'},
        ),
        {STABLE: f"http://{STABLE}.ml", CANARY: "http://x:1"},
    ),
    "of an annotation that somebody broke": (
        standard(annotations={"kanarya.dev/addresses": "{"}),
        {STABLE: f"http://{STABLE}.ml"},
    ),
}


@pytest.mark.parametrize(("view", "expected"), ADDRESSES.values(), ids=ADDRESSES)
def test_each_revision_has_an_address_of_its_own(
    view: ServiceView, expected: dict[str, str]
) -> None:
    assert ServiceDriver().addresses(view) == expected


# Which driver


@pytest.mark.parametrize(
    ("annotation", "status", "mode"),
    [
        (None, None, None),
        ("Standard", None, Mode.STANDARD),
        ("RawDeployment", None, Mode.STANDARD),
        ("Serverless", None, Mode.KNATIVE),
        ("Knative", "Standard", Mode.STANDARD),
        ("Standard", "Serverless", Mode.KNATIVE),
        ("ModelMesh", None, Mode.MODEL_MESH),
        ("odd", None, None),
    ],
)
def test_the_mode_is_the_statuss_under_either_name_then_the_annotations(
    annotation: str | None, status: str | None, mode: Mode | None
) -> None:
    annotations = {"serving.kserve.io/deploymentMode": annotation} if annotation else {}
    view = view_of(
        {
            "metadata": {"name": "iris", "annotations": annotations},
            "status": {"deploymentMode": status} if status else {},
        }
    )
    assert view.mode is mode
    expected: type[Driver] = StandardDriver if mode is Mode.STANDARD else KnativeDriver
    assert isinstance(driver_for(view), expected)


def test_the_drivers_one_door_gives_what_the_services_own_driver_gives() -> None:
    for view, own in ((UP, STANDARD), (knative(line(R1, "prev")), KNATIVE)):
        door = ServiceDriver()
        assert door.begin(view, OTHER, 0) == own.begin(view, OTHER, 0)
        assert door.set_percent(view, 25) == own.set_percent(view, 25)
        assert door.promote(view) == own.promote(view)
        assert door.roll_back(view) == own.roll_back(view)
        assert door.requested(view) == own.requested(view)
        assert door.previous_revision(view) == own.previous_revision(view)
