from __future__ import annotations

from typing import Any

import pytest

from serving.local import revisions

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
        ({"model": {"storageUri": "s3://bucket/m"}}, None),
        ({"model": {"storageUri": "ftp://bucket/m"}}, '"ftp://bucket/m" is not supported'),
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
