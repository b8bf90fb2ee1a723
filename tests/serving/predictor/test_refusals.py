"""What the real process says to bad requests, and which codes its paths answer with."""

from typing import Any

import pytest

from tests.serving.predictor.running import FAULT, ROW, Predictor, tensor, tensors

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{not json", "Unrecognized request format"),
        ([1], "expected an object"),
        ({}, '"instances" is null'),
        ({"instances": []}, "is empty"),
        ({"instances": [[1]]}, "Row 0 has 1 values, expected 4"),
        ({"instances": [{**ROW, "agee": 1}]}, "unknown column 'agee' (nearest: 'age')"),
        ({"instances": [ROW, {**ROW, "age": "abc"}]}, "Row 1 (counted from 0), column 'age'"),
        ({"instances": [{**ROW, "town": 5}]}, "got 5, expected one of 3 known texts"),
        (b'{"instances": [[1e39, 1, true, "x"]]}', "got 1e+39, expected a number"),
        (b'{"instances": [[1e999, 1, true, "x"]]}', "number is infinity"),
    ],
)
def test_a_bad_v1_request_gets_400_with_one_sentence(
    people: Predictor, body: Any, words: str
) -> None:
    for headers in ({}, {"content-type": "application/json; charset=utf-8"}):
        status, answer = people.v1(body, **headers)
        assert (status, list(answer)) == (400, ["error"])
        assert words in answer["error"]
        assert "\n" not in answer["error"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"inputs": []}, "lacks the input 'age'"),
        (tensors(x=tensor("agee", "FP32", [1])), "unknown input 'agee'"),
        (tensors(age=tensor("age", "FP32", ["1.5"])), 'got "1.5", expected a number'),
        (tensors(age=tensor("age", "BYTES", ["x"])), "datatype BYTES"),
        (tensors(age=tensor("age", "FP32", [1], [7])), "do not fill its shape [7]"),
        (tensors(age=tensor("age", "FP32", [1], [1.0])), "shape [1.0], expected whole numbers"),
        (tensors(age=tensor("age", "NOPE", [1])), "datatype NOPE"),
        (tensors(age=tensor("age", "FP32", [1, 2])), "'visits' has 1 rows, but 'age' has 2"),
        ({**tensors(), "outputs": [{"name": "odd"}]}, "odd"),
    ],
)
def test_a_bad_v2_request_gets_400_with_one_sentence(
    people: Predictor, body: Any, words: str
) -> None:
    status, answer = people.v2(body)
    assert (status, list(answer)) == (400, ["error"])
    assert words in answer["error"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{not json", "Unrecognized request format"),
        (b"", "Unrecognized request format"),
        ([1], "expected an object"),
        ({}, '"inputs" is null'),
        ({"inputs": "x"}, '"inputs" is "x"'),
        ({"inputs": [{"name": "age"}]}, "datatype null"),
        ({"inputs": [{"name": "age", "datatype": "FP32", "shape": [1.5]}]}, "shape [1.5]"),
        ({"inputs": [{"name": "age", "datatype": "FP32", "shape": [1]}]}, "data null"),
        ({**tensors(), "id": 5}, "The id is 5"),
        ({**tensors(), "outputs": [5]}, '"outputs" is [5]'),
        ({**tensors(), "parameters": {"binary_data_output": 1}}, "binary_data_output is 1"),
    ],
)
def test_a_v2_body_of_another_shape_is_refused_in_kserves_error_shape(
    people: Predictor, body: Any, words: str
) -> None:
    status, answer = people.v2(body)
    assert (status, list(answer)) == (400, ["error"])
    assert words in answer["error"]


def test_a_damaged_binary_body_shows_the_client_no_traceback(people: Predictor) -> None:
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": "2"}
    status, answer = people.ask("POST", "/v2/models/people/infer", b"{}", **headers)
    assert status == 400
    assert list(answer) == ["error"]
    assert "\n" not in answer["error"]


def test_bad_requests_leave_no_traceback_in_the_log(people: Predictor) -> None:
    before = people.log.read_text()
    people.v1({"instances": []})
    people.ask("GET", "/v2/models/absent/ready")
    assert "Traceback" not in people.log.read_text().removeprefix(before)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v2/models/iris/ready", 200),
        ("GET", "/v1/models/iris", 200),
        ("GET", "/v2/health/live", 200),
        ("GET", "/", 200),
        ("GET", "/v2/models/absent/ready", 404),
        ("GET", "/v1/models/absent", 404),
        ("POST", "/v1/models/absent:predict", 404),
        ("GET", "/absent", 404),
        ("GET", "/v1/models/iris:predict", 404),
        ("POST", FAULT, 404),
    ],
)
def test_paths_answer_with_the_codes_of_kserve(
    flowers: Predictor, method: str, path: str, expected: Any
) -> None:
    body = {"instances": [[1, 2, 3, 4]]} if method == "POST" else None
    assert flowers.ask(method, path, body)[0] == expected


def test_kserves_metrics_count_predictions_by_model(flowers: Predictor) -> None:
    flowers.v1({"instances": [[1, 2, 3, 4]]})
    status, text = flowers.ask("GET", "/metrics")
    assert status == 200
    assert 'request_predict_seconds_count{model_name="iris"}' in text
