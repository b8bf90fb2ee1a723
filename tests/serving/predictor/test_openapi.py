"""The schema in `/docs` says what the server does."""

import base64
import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from serving.artifact import publish
from serving.golden import Golden, read_golden
from serving.predictor.openapi import STOCK_V1, STOCK_V2, document
from serving.predictor.outputs import Outputs
from serving.predictor.schemas import schemas
from tests.serving import imagedirs
from tests.serving.imagedirs import SMALL
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


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> App:
    home = tmp_path_factory.mktemp("pictures")
    publish(imagedirs.build(home / "packaged", "pictures"), home / "1", "1")
    return App(home / "1")


def image_bodies() -> list[tuple[str, Any]]:
    height, width, channels = SMALL.shape
    picture = imagedirs.pixels(SMALL, 1)[0]
    file = {"b64": base64.b64encode(imagedirs.file(picture)).decode()}
    flat = picture.ravel().tolist()
    values = [picture.tolist(), file, {"image": file}, {"image": picture.tolist()}]
    wrong = [picture[1:].tolist(), {"other": file}, "x", {"b64": 1}, {"image": 3}]
    shapes = [[1, height, width, channels], [1, len(flat)], [len(flat)], [1, 2, 3, 4]]
    tensors = [tensor("any", "UINT8", flat, shape) for shape in shapes]
    tensors += [tensor("any", "INT8", flat, shapes[0]), tensor("any", "BYTES", [file["b64"]])]
    v1 = [("v1", {"instances": [value]}) for value in [*values, *wrong]]
    return [*v1, *[("v2", {"inputs": [each]}) for each in tensors], ("v2", {"inputs": tensors[:2]})]


@pytest.mark.parametrize(("protocol", "body"), image_bodies(), ids=lambda value: str(value)[:40])
def test_an_image_fits_the_schema_exactly_where_it_is_answered(
    pictures: App, protocol: str, body: Any
) -> None:
    known = schemas(pictures.plane.served.card)
    schema = known.v1_request if protocol == "v1" else known.v2_request
    answer = pictures.v1(body) if protocol == "v1" else pictures.v2(body)
    assert fits(schema, body) == (answer.status == 200), answer.body


def test_the_document_of_an_image_model_is_valid(pictures: App) -> None:
    plane = pictures.plane
    golden = Golden({"image": imagedirs.pixels(SMALL, 2)}, np.zeros((2, 2)))
    validate(document(STOCK, "m", plane, golden))


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
