"""What the hot path answers, asked without a socket."""

from __future__ import annotations

import asyncio
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from serving.predictor.desk import Limits
from serving.predictor.metrics import TallyCollector
from tests.serving.predictor.asking import App, binary, matrix, unpacked
from tests.serving.predictor.running import ROW, tensors

FLOWER = [5.1, 3.5, 1.4, 0.2]
JSON = "application/json"


@pytest.fixture
def flowers(iris_model_dir: Path) -> App:
    return App(iris_model_dir)


@pytest.fixture(scope="module")
def people(mixed_model_dir: Path) -> App:
    return App(mixed_model_dir)


def test_v1_and_v2_say_the_same_in_kserves_words(flowers: App) -> None:
    v1 = flowers.v1({"instances": [FLOWER]})
    assert (v1.status, v1.headers["content-type"]) == (200, JSON)
    assert list(v1.json) == [
        "predictions",
        "probabilities",
        "classes",
        "model_name",
        "model_version",
    ]
    v2 = flowers.v2(matrix([FLOWER]))
    assert list(v2.json) == ["model_name", "model_version", "id", "parameters", "outputs"]
    assert v2.json["outputs"][0] == {
        "name": "label", "shape": [1], "datatype": "BYTES", "parameters": None, "data": ["setosa"],
    }  # fmt: skip
    assert v1.json["predictions"] == ["setosa"]
    assert v2.json["outputs"][1]["data"] == v1.json["probabilities"][0]
    assert json.loads(v2.json["outputs"][1]["parameters"]["classes"]) == v1.json["classes"]
    assert v1.json["model_version"] == v2.json["model_version"] == "1"


@pytest.mark.parametrize("rows", [1, 2, 32, 255, 256, 257, 3000])
def test_every_size_of_batch_gets_the_answer_of_each_row(flowers: App, rows: int) -> None:
    cells = np.random.default_rng(rows).uniform(0, 8, (rows, 4)).astype(np.float32)
    names = [column.name for column in flowers.plane.served.card.signature.inputs]
    columns = {name: cells[:, i : i + 1] for i, name in enumerate(names)}
    expected = flowers.plane.served.model.predict(columns)
    for answer in (flowers.v2(matrix(cells)), flowers.v2(matrix(cells))):
        np.testing.assert_allclose(
            np.reshape(unpacked(answer)["probabilities"], (rows, 3)), expected, atol=1e-6
        )
    v1 = flowers.v1({"instances": cells.tolist()}).json
    np.testing.assert_allclose(v1["probabilities"], expected, atol=1e-6)
    assert v1["predictions"] == [v1["classes"][i] for i in expected.argmax(axis=1)]


@pytest.mark.parametrize("wish", [(), ("label",), ("probabilities",), ("probabilities", "label")])
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("own", [None, False, True])
def test_outputs_come_as_bytes_where_that_is_asked_for(
    flowers: App, people: App, wish: Any, binary: bool, own: bool | None
) -> None:
    parameters = {} if own is None else {"parameters": {"binary_data": own}}
    asked = {
        "outputs": [{"name": name, **parameters} for name in wish],
        "parameters": {"binary_data_output": binary},
    }
    for app, body in ((flowers, matrix([FLOWER, FLOWER])), (people, tensors())):
        plain, answer = app.v2(body), app.v2({**body, **asked})
        expected = unpacked(plain)
        assert unpacked(answer) == {n: pytest.approx(expected[n]) for n in wish or expected}
        is_raw = binary if own is None or not wish else own
        assert ("inference-header-content-length" in answer.headers) is is_raw
        assert answer.headers["content-type"] == ("application/octet-stream" if is_raw else JSON)


def test_the_id_of_v2_is_echoed_or_made_and_the_header_of_both_comes_back(flowers: App) -> None:
    assert flowers.v2(matrix([FLOWER], id='my "id"')).json["id"] == 'my "id"'
    made = [flowers.v2(matrix([FLOWER])).json["id"] for _ in range(3)]
    assert len(set(made)) == 3
    assert "x-request-id" not in flowers.v1({"instances": [FLOWER]}).headers
    for answer in (
        flowers.v1({"instances": [FLOWER]}, x_request_id="abc"),
        flowers.v1({"instances": []}, x_request_id="abc"),
        flowers.v2(matrix([FLOWER]), x_request_id="abc"),
    ):
        assert answer.headers["x-request-id"] == "abc"
    assert "x-request-id" not in flowers.v1(b"", x_request_id="a\x01b").headers


@pytest.mark.parametrize(
    "content_type", [None, JSON, "application/json; charset=utf-8", "application/ld+json",
                     "application/octet-stream"],
)  # fmt: skip
def test_v1_is_json_whatever_the_content_type_says(flowers: App, content_type: Any) -> None:
    headers = {"content_type": content_type} if content_type else {}
    assert flowers.v1({"instances": [FLOWER]}, **headers).status == 200


def test_v2_octet_stream_without_the_length_of_its_json_is_refused(flowers: App) -> None:
    answer = flowers.v2(matrix([FLOWER]), content_type="application/octet-stream")
    assert answer.status == 400
    assert "Inference-Header-Content-Length is missing" in answer.json["error"]


@pytest.mark.parametrize(
    ("size", "given", "length", "words"),
    [
        (16, b"\0" * 15, None, "says 16 bytes, but only 15 are left"),
        (16, b"\0" * 17, None, "1 bytes more than its inputs say"),
        (12, b"\0" * 12, None, "12 bytes, which do not fill its shape [1, 4] of FP32"),
        (-1, b"", None, "binary_data_size -1"),
        (16, b"\0" * 16, "999999", "expected the length of the JSON part"),
        (16, b"\0" * 16, "-5", 'Content-Length is "-5"'),
        (16, b"\0" * 16, "5", "Unrecognized request format"),
        (16, struct.pack("<4f", 1, 2, float("nan"), 4), None, "'petal_length': got NaN"),
        (16, struct.pack("<4f", 1, 2, 3, float("inf")), None, "'petal_width': got Infinity"),
    ],
)
def test_damaged_binary_bodies_are_refused(
    flowers: App, size: int, given: bytes, length: str | None, words: str
) -> None:
    body, headers = binary(size, given, length)
    answer = flowers.v2(body, **headers)
    assert answer.status == 400
    assert words in answer.json["error"]


def test_a_body_may_come_in_parts_and_a_client_may_go_away(flowers: App) -> None:
    body = json.dumps({"instances": [FLOWER]}).encode()
    assert flowers.v1([body[:9], body[9:20], body[20:]]).status == 200
    assert asyncio.run(answers_to_nobody(flowers)) == []
    assert flowers.plane.tally.running == 0


async def answers_to_nobody(app: App) -> list[Any]:
    """What is sent to a client that is gone already."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/models/m:predict", "headers": []}
    await app.path(scope, receive, send)
    return sent


@pytest.mark.parametrize("known", [True, False])
def test_more_bytes_than_allowed_are_413(iris_model_dir: Path, known: bool) -> None:
    app = App(iris_model_dir, Limits(request_bytes=50))
    fits, large = {"instances": [FLOWER]}, json.dumps({"instances": [FLOWER] * 9}).encode()
    assert app.v1(fits).status == 200
    headers = {"content_length": str(len(large))} if known else {}
    for body in (large, [large[:30], large[30:]]):
        answer = app.v1(body, **headers)
        assert answer.status == 413
        assert "more than 50 bytes" in answer.json["error"]


def test_more_at_a_time_than_allowed_are_503_with_retry_after(iris_model_dir: Path) -> None:
    app = App(iris_model_dir, Limits(concurrency=1))
    large = {"instances": [FLOWER] * 1000}

    async def both() -> Any:
        path = "/v1/models/m:predict"
        return await asyncio.gather(*(app.answer(path, large, {}) for _ in range(2)))

    first, second = asyncio.run(both())
    assert (first.status, second.status) == (200, 503)
    assert second.headers["retry-after"] == "1"
    assert app.v1(large).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/models/other:predict", 404),
        ("POST", "/v2/models/other/infer", 404),
        ("GET", "/v1/models/other:predict", 299),
        ("GET", "/v1/models/m:predict", 299),
        ("POST", "/v1/models/m:explain", 299),
        ("POST", "/v2/models/m/versions/1/infer", 299),
        ("GET", "/metrics", 299),
    ],
)
def test_what_is_not_ours_is_passed_on(flowers: App, method: str, path: str, status: int) -> None:
    answer = flowers.ask(path, b"{}", method=method)
    assert answer.status == status
    if status == 404:
        assert answer.json == {"error": "Model with name other does not exist."}


@pytest.mark.parametrize("path", ["/v1/models/m:predict", "/v2/models/other/infer", "/"])
def test_a_websocket_is_passed_on_wherever_it_knocks(flowers: App, path: str) -> None:
    scope = {"type": "websocket", "path": path, "headers": []}
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(flowers.path(scope, receive, send))
    assert sent[0]["status"] == 299


def test_an_unloaded_model_is_404(iris_model_dir: Path) -> None:
    app = App(iris_model_dir, loaded=())
    assert app.v1({"instances": [FLOWER]}).json == {"error": "Model with name m does not exist."}


EVENT = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "time": "now"}


def test_cloud_events_are_passed_on_with_their_body(flowers: App) -> None:
    event = {**EVENT, "data": {"instances": [FLOWER]}}
    body = json.dumps(event).encode()
    for headers in ({}, {"content_type": "application/cloudevents+json"}):
        assert flowers.v1(body, **headers)[::2] == (299, body)
    assert flowers.v1({"instances": [FLOWER]}, ce_specversion="1.0").status == 299
    assert flowers.v1(EVENT).status == 400


def test_metrics_count_requests_classes_confidence_and_what_was_out_of_range(
    iris_model_dir: Path,
) -> None:
    app, registry = App(iris_model_dir), CollectorRegistry()
    card = app.plane.served.card
    registry.register(TallyCollector(app.plane.tally, "m", "1", card.signature.labels))
    far = [99.0, 3.5, 1.4, 0.2]
    for rows in ([FLOWER], [FLOWER, far], [FLOWER] * 700):
        assert app.v1({"instances": rows}).status == 200
    app.v2(matrix([FLOWER]))
    app.v1({})
    text = generate_latest(registry).decode()
    own = 'model="m",version="1"'

    def of(protocol: str) -> str:
        return f'model="m",protocol="{protocol}",version="1"'

    for line in (
        f'kanarya_predictor_requests_total{{code="200",{of("v1")}}} 3.0',
        f'kanarya_predictor_requests_total{{code="400",{of("v1")}}} 1.0',
        f'kanarya_predictor_requests_total{{code="200",{of("v2")}}} 1.0',
        f"kanarya_predictor_request_seconds_count{{{of('v1')}}} 4.0",
        f"kanarya_predictor_in_flight{{{own}}} 0.0",
        f"kanarya_prediction_confidence_count{{{own}}} 704.0",
        f'kanarya_feature_out_of_range_total{{feature="sepal_length",{own}}} 1.0',
        f'kanarya_feature_out_of_range_total{{feature="sepal_width",{own}}} 0.0',
    ):
        assert line in text, text
    classes = [line for line in text.splitlines() if line.startswith("kanarya_predictions_total")]
    assert sum(float(line.split()[-1]) for line in classes) == 704
    assert len(classes) == 3
    assert len(app.seconds) == 4


def test_people_of_every_kind_of_column_are_counted_too(people: App) -> None:
    people.plane.tally.sum_up()
    before = people.plane.tally.by_class.sum()
    assert people.v1({"instances": [ROW, ROW]}).status == 200
    people.plane.tally.sum_up()
    assert people.plane.tally.by_class.sum() == before + 2
    assert people.plane.tally.features == ("age", "visits", "member")


@pytest.mark.parametrize("how", ["gzip", "deflate", "br"])
def test_a_compressed_body_is_refused_with_what_to_send(flowers: App, how: str) -> None:
    answer = flowers.v1(b"\x1f\x8b", content_encoding=how)
    assert (answer.status, answer.json["error"]) == (
        415,
        f"The body is {how!r}-encoded; send it as it is, or its tensors as bytes.",
    )
    assert flowers.plane.tally.protocols["v1"].codes == {415: 1}
