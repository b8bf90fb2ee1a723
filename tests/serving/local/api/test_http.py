"""The rules of the API that the clients' own tests do not reach."""

import resource as limits
from collections.abc import Callable
from typing import Any

import pytest

ROOT = "/apis/serving.kserve.io/v1beta1"
MANY = f"{ROOT}/namespaces/ml/inferenceservices"
ONE = f"{MANY}/iris"
JSON = "application/json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
Ask = Callable[..., Any]
Isvc = Callable[..., dict[str, Any]]


VALID: dict[str, Any] = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "iris"},
    "spec": {"predictor": {"model": {"modelFormat": {"name": "onnx"}, "storageUri": "file:///m"}}},
}


def without(obj: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in obj.items() if k != key}


def test_a_name_is_made_from_generate_name(ask: Ask) -> None:
    made = ask("POST", MANY, {**VALID, "metadata": {"generateName": "iris-"}})
    assert made.code == 201
    assert len(made["metadata"]["name"]) == len("iris-") + 5


def test_what_the_server_owns_is_not_taken_from_a_client(ask: Ask) -> None:
    metadata = {"name": "iris", "uid": "mine", "generation": 9, "creationTimestamp": "1999"}
    made = ask("POST", MANY, {**VALID, "metadata": metadata, "status": {"url": "x"}})
    assert made["metadata"]["uid"] != "mine"
    assert made["metadata"]["generation"] == 1
    assert "status" not in made
    changed = {**made, "metadata": {**made["metadata"], "generation": 9, "creationTimestamp": "0"}}
    assert ask("PUT", ONE, changed) == made


def test_a_second_creation_is_refused(ask: Ask) -> None:
    ask("POST", MANY, VALID)
    answer = ask("POST", MANY, VALID)
    assert (answer.code, answer["reason"]) == (409, "AlreadyExists")
    assert answer["details"] == {
        "name": "iris",
        "group": "serving.kserve.io",
        "kind": "inferenceservices",
    }


def test_a_put_needs_the_newest_resource_version(ask: Ask) -> None:
    made = ask("POST", MANY, VALID)
    assert ask("PUT", ONE, VALID).code == 422
    ask("PATCH", ONE, {"metadata": {"labels": {"a": "b"}}}, MERGE)
    answer = ask("PUT", ONE, made)
    assert (answer.code, answer["reason"]) == (409, "Conflict")
    assert ask("PUT", f"{MANY}/rose", without(made, "metadata")).code == 404


def test_the_two_resources_touch_only_their_own_half(ask: Ask) -> None:
    made = ask("POST", MANY, VALID)
    both = {"status": {"url": "u"}, "spec": {"predictor": {"minReplicas": 3}}}
    status = ask("PATCH", f"{ONE}/status", both, MERGE)
    assert (status["status"], status["spec"]) == ({"url": "u"}, made["spec"])
    assert status["metadata"]["generation"] == 1
    spec = ask("PATCH", ONE, {**both, "status": None}, MERGE)
    assert (spec["status"], spec["spec"]["predictor"]["minReplicas"]) == ({"url": "u"}, 3)
    assert spec["metadata"]["generation"] == 2
    put = ask("PUT", f"{ONE}/status", {**spec, "status": {"url": "v"}})
    assert ask("GET", f"{ONE}/status")["status"] == put["status"] == {"url": "v"}


def test_a_dry_run_answers_and_keeps_nothing(ask: Ask) -> None:
    assert ask("POST", f"{MANY}?dryRun=All", VALID).code == 201
    assert ask("GET", ONE).code == 404
    made = ask("POST", MANY, VALID)
    patch = {"spec": {"predictor": {"minReplicas": 3}}}
    dry = ask("PATCH", f"{ONE}?dryRun=All", patch, MERGE)
    assert dry["spec"]["predictor"]["minReplicas"] == 3
    assert dry["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert ask("DELETE", f"{ONE}?dryRun=All").code == 200
    assert ask("DELETE", ONE, {"dryRun": ["All"]}).code == 200
    assert ask("GET", ONE) == made
    assert ask("DELETE", f"{ONE}?dryRun=some").code == 400


@pytest.mark.parametrize(
    ("strictness", "code", "warning"),
    [
        ("Strict", 400, None),
        ("Warn", 201, '299 - "unknown field \\"spec.predictor.x\\""'),
        ("Ignore", 201, None),
        ("Sometimes", 400, None),
    ],
)
def test_an_unknown_field(ask: Ask, strictness: str, code: int, warning: str | None) -> None:
    body = {**VALID, "spec": {"predictor": {**VALID["spec"]["predictor"], "x": 1}}}
    answer = ask("POST", f"{MANY}?fieldValidation={strictness}", body)
    assert (answer.code, answer.warning) == (code, warning)


def test_an_unknown_field_that_is_stored_does_not_stop_a_strict_patch_of_another(ask: Ask) -> None:
    body = {**VALID, "spec": {"predictor": {**VALID["spec"]["predictor"], "x": 1}}}
    ask("POST", MANY, body)
    strict = f"{ONE}?fieldValidation=Strict"
    assert ask("PATCH", strict, {"spec": {"predictor": {"minReplicas": 1}}}, MERGE).code == 200
    refused = ask("PATCH", strict, {"spec": {"predictor": {"y": 1}}}, MERGE)
    assert (refused.code, "spec.predictor.y" in refused["message"]) == (400, True)


def test_a_wrong_field_is_named_for_programs_too(ask: Ask) -> None:
    answer = ask("POST", MANY, {**VALID, "spec": {"predictor": {"minReplicas": "1"}}})
    assert answer["details"]["causes"] == [
        {
            "reason": "FieldValueTypeInvalid",
            "field": "spec.predictor.minReplicas",
            "message": 'Invalid value: "string": spec.predictor.minReplicas in body must be of '
            'type integer: "string"',
        }
    ]


def test_a_deletion_can_insist_on_what_it_has_seen(ask: Ask) -> None:
    made = ask("POST", MANY, VALID)
    assert ask("DELETE", ONE, {"preconditions": {"uid": "other"}}).code == 409
    assert ask("DELETE", ONE, {"preconditions": {"resourceVersion": "1"}}).code == 409
    assert ask("DELETE", ONE, {"preconditions": "x"}).code == 400
    seen = {"preconditions": {"uid": made["metadata"]["uid"]}}
    assert ask("DELETE", ONE, seen)["status"] == "Success"
    assert ask("DELETE", ONE).code == 404


def test_a_collection_is_deleted_by_label(ask: Ask, isvc: Isvc) -> None:
    for name, team in (("a", "x"), ("b", "y")):
        body = isvc(name)
        body["metadata"]["labels"] = {"team": team}
        ask("POST", MANY, body)
    gone = ask("DELETE", f"{MANY}?labelSelector=team%3Dx")
    left = ask("GET", f"{ROOT}/inferenceservices")
    assert [o["metadata"]["name"] for o in gone["items"]] == ["a"]
    assert [o["metadata"]["name"] for o in left["items"]] == ["b"]


def test_a_full_disk_is_a_status_and_changes_nothing(ask: Ask) -> None:
    made = ask("POST", MANY, VALID)
    soft, hard = limits.getrlimit(limits.RLIMIT_FSIZE)
    limits.setrlimit(limits.RLIMIT_FSIZE, (0, hard))  # no file of this process may grow
    try:
        answer = ask("PATCH", ONE, {"metadata": {"labels": {"a": "b"}}}, MERGE)
    finally:
        limits.setrlimit(limits.RLIMIT_FSIZE, (soft, hard))
    assert (answer.code, answer["reason"]) == (500, "InternalError")
    assert "free disk space" in answer["message"]
    assert ask("GET", ONE) == made


def test_the_root_tells_where_predictions_are_answered(ask: Ask) -> None:
    assert ask("GET", "/")["gateway"].endswith("/serving")
