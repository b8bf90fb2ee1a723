"""What the API answers to requests that no well-behaved client sends: always a Status."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from serving.local.resources import INFERENCE_SERVICES, PODS

ROOT = "/apis/serving.kserve.io/v1beta1"
MANY = f"{ROOT}/namespaces/ml/inferenceservices"
ONE = f"{MANY}/iris"
REVISIONS = "/apis/serving.knative.dev/v1/namespaces/ml/revisions"
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


REFUSED: list[tuple[str, Any, str, int, str, str]] = [
    ("no JSON", b"{", JSON, 400, "BadRequest", "not JSON"),
    ("no text", b"\xff\xfe", JSON, 400, "BadRequest", "not JSON"),
    ("NaN", b'{"a": NaN}', JSON, 400, "BadRequest", "NaN"),
    ("a list", b"[]", JSON, 400, "BadRequest", "must be an object"),
    ("too deep", b'{"a":' * 40_000 + b"1" + b"}" * 40_000, JSON, 400, "BadRequest", ""),
    ("bad YAML", b"a: [", "application/yaml", 400, "BadRequest", "not YAML"),
    ("a form", b"a=b", "text/plain", 415, "UnsupportedMediaType", "application/json"),
    ("too big", b" " * (3 * 2**20 + 1), JSON, 413, "RequestEntityTooLarge", ""),
    ("other kind", {**VALID, "kind": "Pod"}, JSON, 400, "BadRequest", "'Pod'"),
    ("no kind", without(VALID, "kind"), JSON, 400, "BadRequest", "InferenceService"),
    ("other version", {**VALID, "apiVersion": "v1"}, JSON, 400, "BadRequest", "'v1'"),
    ("metadata no object", {**VALID, "metadata": []}, JSON, 400, "BadRequest", "metadata"),
    ("no name", {**VALID, "metadata": {}}, JSON, 422, "Invalid", "metadata.name"),
    ("bad name", {**VALID, "metadata": {"name": "A_b"}}, JSON, 422, "Invalid", '"A_b"'),
    ("name a number", {**VALID, "metadata": {"name": 3}}, JSON, 400, "BadRequest", "name"),
    (
        "annotation a number",
        {**VALID, "metadata": {"name": "a", "annotations": {"x": 1}}},
        JSON,
        400,
        "BadRequest",
        "annotations[x]",
    ),
    (
        "labels false",
        {**VALID, "metadata": {"name": "a", "labels": False}},
        JSON,
        400,
        "BadRequest",
        "metadata.labels must be an object of strings",
    ),
    (
        "finalizers a text",
        {**VALID, "metadata": {"name": "a", "finalizers": "x"}},
        JSON,
        400,
        "BadRequest",
        "metadata.finalizers must be a list of strings",
    ),
    (
        "managed fields of numbers",
        {**VALID, "metadata": {"name": "a", "managedFields": [1]}},
        JSON,
        400,
        "BadRequest",
        "metadata.managedFields must be a list of objects",
    ),
    (
        "other namespace",
        {**VALID, "metadata": {"name": "iris", "namespace": "other"}},
        JSON,
        400,
        "BadRequest",
        "does not match the namespace on the URL (ml)",
    ),
    ("no spec", without(VALID, "spec"), JSON, 422, "Invalid", "spec: Required value"),
    (
        "percent a text",
        {**VALID, "spec": {"predictor": {"canaryTrafficPercent": "10"}}},
        JSON,
        422,
        "Invalid",
        "must be of type integer",
    ),
    (
        "dotted name",
        {**VALID, "metadata": {"name": "a.b"}},
        JSON,
        403,
        "Forbidden",
        "kserve-webhook-server.validator",
    ),
]


@pytest.mark.parametrize(
    ("body", "kind", "code", "reason", "said"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
def test_a_bad_creation_is_refused_with_a_status_and_stores_nothing(
    server: Any, ask: Ask, body: Any, kind: str, code: int, reason: str, said: str
) -> None:
    answer = ask("POST", MANY, body, kind)
    assert (answer.code, answer["reason"]) == (code, reason)
    assert said in answer["message"]
    assert server.store.list(INFERENCE_SERVICES, None)[0] == []


PATCHES: list[tuple[str, Any, str, int, str]] = [
    ("strategic", {}, "application/strategic-merge-patch+json", 415, "merge-patch+json"),
    ("plain JSON", {}, JSON, 415, "accepted media types"),
    ("merge list", [], MERGE, 400, "must be an object"),
    ("other name", {"metadata": {"name": "rose"}}, MERGE, 400, "does not match the name"),
    ("other kind", {"kind": "Pod"}, MERGE, 400, "'Pod'"),
    ("other uid", {"metadata": {"uid": "1"}}, MERGE, 409, "Precondition failed"),
    ("stale", {"metadata": {"resourceVersion": "1"}}, MERGE, 409, "you sent resourceVersion 1"),
    ("json: text", "x", JSON_PATCH, 400, "list of operations"),
    ("json: no op", [{"path": "/spec"}], JSON_PATCH, 400, "cannot be read"),
    ("json: no such path", [{"op": "remove", "path": "/spec/x"}], JSON_PATCH, 422, "x"),
    ("json: test", [{"op": "test", "path": "/kind", "value": 1}], JSON_PATCH, 422, "InferenceS"),
    ("json: no object", [{"op": "replace", "path": "", "value": 1}], JSON_PATCH, 400, "no object"),
    ("apply: bad YAML", b"a: [", APPLY, 400, "not YAML"),
    ("removes the model", {"spec": {"predictor": {"model": None}}}, MERGE, 403, "Exactly one of"),
]


@pytest.mark.parametrize(
    ("body", "kind", "code", "said"), [r[1:] for r in PATCHES], ids=[r[0] for r in PATCHES]
)
def test_a_bad_patch_is_refused_with_a_status_and_changes_nothing(
    ask: Ask, body: Any, kind: str, code: int, said: str
) -> None:
    before = ask("POST", MANY, VALID)
    answer = ask("PATCH", ONE, body, kind)
    assert answer.code == code
    assert said in answer["message"]
    assert ask("GET", ONE) == before


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("x", "status in body must be of type object"),
        ({"components": "x"}, "status.components in body must be of type object"),
        ({"components": {"predictor": []}}, "status.components.predictor in body must be"),
        ({"conditions": ["x"]}, "status.conditions[0] in body must be of type object"),
        ({"conditions": [{"status": "True"}]}, "status.conditions[0].type: Required value"),
    ],
)
def test_a_status_that_the_controller_could_not_read_is_refused(
    ask: Ask, status: Any, said: str
) -> None:
    before = ask("POST", MANY, VALID)
    answer = ask("PATCH", f"{ONE}/status", {"status": status}, MERGE)
    assert answer.code == 422
    assert said in answer["message"]
    assert ask("PUT", f"{ONE}/status", {**before, "status": status}).code == 422
    assert ask("GET", ONE) == before


@pytest.mark.parametrize(
    ("method", "path", "code", "reason"),
    [
        ("GET", "/apis/apps/v1/namespaces/ml/deployments/x", 404, "NotFound"),
        ("GET", "/openapi/v1", 404, "NotFound"),
        ("POST", MANY + "/iris", 405, "MethodNotAllowed"),
        ("GET", f"{MANY}?fieldSelector=spec.x%3D1", 400, "BadRequest"),
        ("GET", f"{MANY}?labelSelector=%3D%3D", 400, "BadRequest"),
        ("GET", f"{MANY}?watch=1&resourceVersion=abc", 400, "BadRequest"),
        ("GET", f"{MANY}?watch=1&timeoutSeconds=-1", 400, "BadRequest"),
    ],
)
def test_what_is_not_there_or_not_understood_is_a_status(
    ask: Ask, method: str, path: str, code: int, reason: str
) -> None:
    answer = ask(method, path)
    assert answer.code == code
    assert answer["reason"].startswith(reason)


@pytest.mark.parametrize(
    ("method", "path", "code", "said"),
    [
        ("POST", "/api/v1/namespaces", 405, "with the first InferenceService in it, and stays"),
        ("PATCH", "/api/v1/namespaces/ml", 405, "namespaces are not written by clients here"),
        ("DELETE", "/api/v1/namespaces/ml", 405, "namespaces are not written by clients here"),
        ("DELETE", f"{REVISIONS}/x", 405, "change the InferenceService that they belong to"),
        (
            "PUT",
            "/apis/apps/v1/namespaces/ml/deployments/x",
            405,
            "deployments.apps are written by",
        ),
        (
            "GET",
            "/api/v1/namespaces/ml/pods/p/log",
            404,
            "is the file logs/ml/p.log of KANARYA_HOME",
        ),
        ("GET", "/api/v1/namespaces/ml/pods/q/log", 404, 'pods "q" not found'),
        ("GET", "/api/v1/nodes", 404, "the server could not find the requested resource"),
        ("GET", f"{ONE}/scale", 404, "the server could not find the requested resource"),
        ("POST", ONE, 405, "the server does not allow this method on the requested resource"),
    ],
)
def test_what_a_real_cluster_has_beyond_this_is_refused_with_the_way_to_go(
    server: Any, ask: Ask, method: str, path: str, code: int, said: str
) -> None:
    server.store.create(PODS, {"metadata": {"name": "p", "namespace": "ml"}})
    answer = ask(method, path, {} if method in ("POST", "PUT", "PATCH") else None)
    assert answer.code == code
    assert said in answer["message"]


def test_a_web_page_is_refused(ask: Ask) -> None:
    answer = ask("POST", MANY, VALID, Origin="http://evil.example")
    assert (answer.code, answer["reason"]) == (403, "Forbidden")
    assert ask("GET", ONE).code == 404


def test_a_broken_request_line_leaves_the_server_working(server: Any, ask: Ask) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert b"400" in connection.recv(1000)
    assert ask("GET", "/version")["major"] == "1"


def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_error_of_the_server(
    server: Any, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = f"PATCH {ONE} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {MERGE}\r\n"
        connection.sendall(f"{head}Content-Length: 1000\r\n\r\n{{".encode())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert ask("GET", "/version")["major"] == "1"
    server.stop()
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == []
