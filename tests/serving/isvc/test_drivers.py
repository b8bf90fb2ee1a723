"""What each driver writes and reads, as tables: one row for every trap of facts A.0 to A.6."""

from __future__ import annotations

import re
from typing import Any

import pytest

from serving.isvc.drivers import (
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
from tests.serving.isvc.views import (
    KNATIVE,
    NAME,
    NEW,
    OLD,
    OTHER,
    R1,
    STANDARD,
    UP,
    entry,
    knative,
    line,
    standard,
)

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
