"""What kubectl prints."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from serving.local.resources import EVENTS, INFERENCE_SERVICES, RESOURCES, REVISIONS, Resource
from serving.local.tables import age, look_up, table, wants_table

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
TRAFFIC = [
    {"latestRevision": True, "percent": 10, "revisionName": "cifar-predictor-00002"},
    {
        "latestRevision": False,
        "percent": 90,
        "revisionName": "cifar-predictor-00001",
        "tag": "prev",
    },
]
CANARY = {
    "metadata": {"name": "cifar", "creationTimestamp": "2026-11-20T09:25:00Z"},
    "status": {
        "url": "http://cifar.ml.example.com",
        "conditions": [
            {"type": "IngressReady", "status": "False"},
            {"type": "Ready", "status": "True"},
        ],
        "components": {"predictor": {"traffic": TRAFFIC}},
    },
}
NEW = {"metadata": {"name": "cifar", "creationTimestamp": "2026-11-20T09:29:58Z"}}
EVENT = {
    "metadata": {"name": "cifar.1"},
    "involvedObject": {"kind": "InferenceService", "name": "cifar"},
    "lastTimestamp": "2026-11-20T09:29:00Z",
    "type": "Normal",
    "reason": "Updated",
    "message": "m",
    "count": 2,
}
REVISION = {
    "metadata": {
        "name": "cifar-predictor-00002",
        "creationTimestamp": "2026-11-17T05:00:00Z",
        "labels": {
            "serving.knative.dev/configuration": "cifar-predictor",
            "serving.knative.dev/configurationGeneration": "2",
        },
    },
    "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "ExitCode1"}]},
}


@pytest.mark.parametrize(
    ("resource", "obj", "cells"),
    [
        (
            INFERENCE_SERVICES,
            CANARY,
            [
                *("cifar", "http://cifar.ml.example.com", "True", 90, 10),
                *("cifar-predictor-00001", "cifar-predictor-00002", "5m"),
            ],
        ),
        (INFERENCE_SERVICES, NEW, ["cifar", None, None, None, None, None, None, "2s"]),
        (
            EVENTS,
            EVENT,
            ["60s", "Normal", "Updated", "InferenceService/cifar", "m", 2, "cifar.1"],
        ),
        (
            REVISIONS,
            REVISION,
            ["cifar-predictor-00002", "cifar-predictor", "2", "False", "ExitCode1", "3d4h"],
        ),
    ],
)
def test_a_row(resource: Resource, obj: dict[str, Any], cells: list[Any]) -> None:
    assert table(resource, [obj], NOW)["rows"][0]["cells"] == cells


@pytest.mark.parametrize("resource", RESOURCES, ids=[r.plural for r in RESOURCES])
def test_every_column_can_be_shown_for_an_empty_object(resource: Resource) -> None:
    shown = table(resource, [{}], NOW)
    assert len(shown["rows"][0]["cells"]) == len(shown["columnDefinitions"]) > 0


@pytest.mark.parametrize(
    ("include", "kind"),
    [("None", None), ("Metadata", "PartialObjectMetadata"), ("Object", "InferenceService")],
)
def test_what_travels_with_a_row(include: Any, kind: str | None) -> None:
    obj = {**CANARY, "kind": "InferenceService"}
    found = table(INFERENCE_SERVICES, [obj], NOW, include=include)["rows"][0]["object"]
    assert (found and found["kind"]) == kind


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (310, "5m10s"),
        (601, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 61, "3h1m"),
        (9 * 3600 + 61, "9h"),
        (48 * 3600, "2d"),
        (76 * 3600, "3d4h"),
        (9 * 86400, "9d"),
        (800 * 86400, "2y"),
    ],
)
def test_an_age(seconds: int, shown: str) -> None:
    created = (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert age(created, NOW) == shown


def test_an_age_that_is_no_time() -> None:
    assert age("yesterday", NOW) == "<invalid>"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", True),
        ("application/json, application/json; as=Table; g=meta.k8s.io; v=v1", True),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", False),
        ("application/json", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_who_wants_a_table(accept: str, wanted: bool) -> None:
    assert wants_table(accept) is wanted


def test_a_path_that_is_not_understood_is_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match="not understood"):
        look_up({}, ".a[0]")
