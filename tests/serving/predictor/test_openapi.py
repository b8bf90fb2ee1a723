"""The schema in `/docs` says what the server does."""

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from serving.golden import read_golden
from serving.predictor.openapi import STOCK_V1, STOCK_V2, document
from serving.predictor.outputs import Outputs
from serving.predictor.schemas import schemas
from tests.serving.predictor.asking import App
from tests.serving.predictor.running import ROW, Predictor, tensor, tensors

STOCK = {
    "openapi": "3.1.0",
    "info": {"title": "stock", "version": "1"},
    "paths": {STOCK_V1: {}, STOCK_V2: {}, "/metrics": {}},
}


@pytest.fixture(scope="module")
def people(mixed_model_dir: Path) -> App:
    return App(mixed_model_dir)


@pytest.fixture(scope="module")
def flowers(iris_model_dir: Path) -> App:
    return App(iris_model_dir)


def fits(schema: Any, value: Any) -> bool:
    return bool(Draft202012Validator(schema).is_valid(value))


@pytest.mark.parametrize("name", ["mixed_model_dir", "iris_model_dir"])
def test_the_document_is_valid_and_its_examples_are_answered(
    name: str, request: pytest.FixtureRequest
) -> None:
    directory: Path = request.getfixturevalue(name)
    app = App(directory)
    found = document(STOCK, "m", app.plane, read_golden(directory))
    validate(found)
    assert list(found["paths"]) == ["/v1/models/m:predict", "/v2/models/m/infer", "/metrics"]
    for path in list(found["paths"])[:2]:
        post = found["paths"][path]["post"]
        content = post["requestBody"]["content"]["application/json"]
        assert fits(content["schema"], content["example"])
        answer = app.ask(path, content["example"])
        assert answer.status == 200
        expected = post["responses"]["200"]["content"]["application/json"]
        assert fits(expected["schema"], answer.json)
        if "example" in expected:
            assert answer.json.keys() == expected["example"].keys()
            assert answer.json["predictions"] == expected["example"]["predictions"]
        assert {"400", "404", "413", "503"} <= post["responses"].keys()
        assert "Retry-After" in post["responses"]["503"]["headers"]


V1_ROWS = [
    ROW,
    list(ROW.values()),
    {**ROW, "age": None},
    {**ROW, "town": None},
    {**ROW, "member": 1},
    {**ROW, "visits": 2.0},
    {**ROW, "visits": 2.5},
    {**ROW, "visits": None},
    {**ROW, "member": 2},
    {**ROW, "age": "30"},
    {**ROW, "age": 1e39},
    {**ROW, "town": "Atlantis"},
    {**ROW, "more": 1},
    {k: v for k, v in ROW.items() if k != "age"},
    list(ROW.values())[:3],
    [*ROW.values(), 1],
    "row",
]


@pytest.mark.parametrize("row", V1_ROWS, ids=lambda row: json.dumps(row)[:60])
def test_a_v1_row_fits_the_schema_exactly_where_it_is_answered(people: App, row: Any) -> None:
    body = {"instances": [row]}
    schema = schemas(people.plane.served.card).v1_request
    assert fits(schema, body) == (people.v1(body).status == 200)


@pytest.mark.parametrize(
    "body",
    [
        tensors(),
        tensors(age=tensor("age", "INT8", [30])),
        tensors(age=tensor("age", "FP64", [30.5], [1, 1])),
        tensors(town=tensor("town", "FP32", [1.0])),
        tensors(age=tensor("age", "BYTES", ["30"])),
        tensors(age=tensor("age", "FP32", [30.5], [1, 1, 1])),
        {"inputs": []},
        {"inputs": "age"},
        {"inputs": [1]},
        {},
    ],
    ids=lambda body: json.dumps(body)[:40],
)
def test_a_v2_request_fits_the_schema_exactly_where_it_is_answered(people: App, body: Any) -> None:
    schema = schemas(people.plane.served.card).v2_request
    assert fits(schema, body) == (people.v2(body).status == 200)


@pytest.mark.parametrize(("shape", "expected"), [([1, 4], 200), ([1, 3], 400), ([4], 400)])
def test_one_matrix_is_in_the_schema_where_all_columns_are_numbers(
    flowers: App, shape: list[int], expected: int
) -> None:
    body = {"inputs": [tensor("all", "FP32", [0.5] * shape[-1], shape)]}
    schema = schemas(flowers.plane.served.card).v2_request
    assert fits(schema, body) == (expected == 200)
    assert flowers.v2(body).status == expected


@pytest.mark.parametrize("outputs", [("label",), ("probabilities",)])
def test_an_answer_with_one_output_has_a_schema_of_its_own(
    mixed_model_dir: Path, outputs: Outputs
) -> None:
    app = App(mixed_model_dir, outputs=outputs)
    card = app.plane.served.card
    answer = app.v1({"instances": [ROW]}).json
    assert fits(schemas(card, outputs).v1_answer, answer)
    assert not fits(schemas(card).v1_answer, answer)


def test_a_task_without_columns_gets_open_inputs_and_the_same_answers(people: App) -> None:
    card = people.plane.served.card
    other = schemas(replace(card, task="another"))
    assert fits(other.v1_request, {"instances": [[[0, 1], [2, 3]]]})
    assert other.v1_answer == schemas(card).v1_answer


@pytest.mark.e2e
def test_the_process_shows_the_schema_in_docs_when_it_is_asked_to(
    mixed_model_dir: Path, tmp_path: Path
) -> None:
    flags = ["--enable_docs_url", "true"]
    with Predictor(mixed_model_dir, "people", tmp_path / "log", *flags) as people:
        people.wait()
        status, found = people.ask("GET", "/openapi.json")
        assert status == 200
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            validate(found)
        assert {"/v1/models/people:predict", "/v2/models/people/infer"} <= found["paths"].keys()
        assert STOCK_V1 not in found["paths"]
        assert "/v2/models/{model_name}" in found["paths"]
        assert people.ask("GET", "/docs")[0] == 200
