"""A model that answers with a number: by every protocol, in the metadata and in the metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.artifact import publish, read_golden
from serving.card import Card, read_card
from serving.errors import ModelError
from serving.predictor.outputs import NUMBER, OUTPUTS
from serving.predictor.schemas import schemas
from serving.predictor.served import Answer, load
from serving.predictor.v1 import V1
from serving.predictor.v2 import USUAL, Wish, wanted
from serving.predictor.v2_answers import V2Answers
from serving.signature import Column, Signature
from tests.serving.predictor.asking import App
from tests.serving.predictor.conformance.doors import Doors, both
from tests.serving.predictor.running import tensor

CARD = Card(
    name="house",
    kind="linear_regression",
    signature=Signature((Column("size", "number"),), ()),
    data_sha256="0" * 64,
    libraries={},
    metrics={"rmse": 2.5},
    opset=18,
    created_at="2026-01-01T00:00:00+00:00",
    task="tabular-regression",
    version="1",
)
ONE = np.array([[1.5]], np.float32)
TWO = np.array([[1.5], [-2e6]], np.float32)


@pytest.mark.parametrize("numbers", [ONE, TWO], ids=["one", "two"])
def test_v1_predictions_are_the_numbers_and_nothing_else(numbers: np.ndarray) -> None:
    v1 = V1("house", CARD, None, NUMBER)  # type: ignore[arg-type]
    answer = Answer((), np.zeros((len(numbers), 1)), numbers)
    written = {
        "predictions": numbers.ravel().tolist(),
        "model_name": "house",
        "model_version": "1",
    }
    assert json.loads(v1.encode(answer)) == v1.value(answer) == written


@pytest.mark.parametrize("numbers", [ONE, TWO], ids=["one", "two"])
@pytest.mark.parametrize("own", [True, False], ids=["unasked", "by name"])
def test_v2_gives_one_output_as_json_or_as_bytes(numbers: np.ndarray, own: bool) -> None:
    answers = V2Answers("house", CARD, NUMBER)
    answer = Answer((), np.zeros((len(numbers), 1)), numbers)
    asked = USUAL[NUMBER][False] if own else wanted([{"name": "prediction"}], False, NUMBER)
    body, length = answers.encode(answer, Wish("a", asked))
    assert length is None
    assert json.loads(body)["outputs"] == [
        {
            "name": "prediction",
            "shape": [len(numbers)],
            "datatype": "FP32",
            "parameters": None,
            "data": numbers.ravel().tolist(),
        }
    ]
    body, length = answers.encode(answer, Wish("a", USUAL[NUMBER][True]))
    assert length is not None
    (output,) = json.loads(body[:length])["outputs"]
    assert output["parameters"] == {"binary_data_size": 4 * len(numbers)}
    assert np.frombuffer(body[length:], "<f4").tolist() == numbers.ravel().tolist()


def test_the_card_of_a_number_survives_the_file_and_lost_labels_are_noticed() -> None:
    written = CARD.to_json()
    assert Card.from_json(json.loads(json.dumps(written))) == CARD
    assert (CARD.signature.is_number, CARD.signature.width) == (True, 1)
    for changed in ({"labels": ["a"]}, {"output": None}, {"output": "numbers"}):
        with pytest.raises(ModelError, match="package"):
            Card.from_json({**written, "signature": {**written["signature"], **changed}})


@pytest.fixture(scope="module")
def house_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published model of house prices: two numbers and a word in, a price out."""
    from tests.components import tables

    home = tmp_path_factory.mktemp("house")
    walked = tables.walk(home, tables.prices(), "linear_regression")
    publish(walked.packaged, home / "1", "1")
    return home / "1"


@pytest.fixture(scope="module")
def house(house_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with both(house_dir, "house", tmp_path_factory.mktemp("log") / "log") as doors:
        yield doors


ROWS = [[120.5, 4, "Izmir"], [44.0, 1, "Ankara"], [None, 3, "Izmir"]]


def expected(directory: Path) -> list[float]:
    columns = dict(zip(("size", "rooms", "town"), map(list, zip(*ROWS, strict=True)), strict=True))
    return load(directory).answer(columns).probabilities.ravel().tolist()


def inputs() -> dict[str, Any]:
    size, rooms, town = (list(cells) for cells in zip(*ROWS, strict=True))
    sent = [tensor("size", "FP32", size), tensor("rooms", "INT64", rooms)]
    return {"inputs": [*sent, tensor("town", "BYTES", town)]}


@pytest.mark.e2e
def test_a_server_says_the_same_numbers_by_every_protocol(house: Doors, house_dir: Path) -> None:
    numbers = pytest.approx(expected(house_dir), rel=1e-6)
    status, answer = house.predictor.v1({"instances": ROWS})
    assert (status, answer["predictions"]) == (200, numbers)
    status, answer = house.predictor.v2(inputs())
    assert (status, answer["outputs"][0]["data"]) == (200, numbers)
    status, refused = house.predictor.v2({**inputs(), "outputs": [{"name": "label"}]})
    assert status == 400
    assert refused["error"] == 'The output "label" is unknown; there is prediction.'
    event = {"instances": ROWS[:2]}
    marks = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "t"}
    status, answer = house.predictor.v1(event, **marks)
    assert (status, answer["predictions"]) == (200, pytest.approx(expected(house_dir)[:2]))


@pytest.mark.e2e
def test_grpc_carries_the_numbers_as_one_tensor(house: Doors, house_dir: Path) -> None:
    import asyncio

    from kserve import InferenceGRPCClient, InferInput, InferRequest

    cells = {
        "size": ("FP32", np.array([120.5, 44.0], np.float32)),
        "rooms": ("INT64", np.array([4, 1])),
        "town": ("BYTES", np.array([b"Izmir", b"Ankara"], np.object_)),
    }
    sent = [InferInput(name, [2], datatype) for name, (datatype, _) in cells.items()]
    for item in sent:
        item.set_data_from_numpy(cells[item.name][1], binary_data=True)

    async def ask() -> Any:
        client = InferenceGRPCClient(house.grpc)
        try:
            return await client.infer(InferRequest("house", sent), timeout=30)
        finally:
            await client.close()

    (output,) = asyncio.run(ask()).outputs
    assert (output.name, output.shape) == ("prediction", [2])
    assert output.as_numpy().tolist() == pytest.approx(expected(house_dir)[:2], rel=1e-6)


@pytest.mark.e2e
def test_metadata_metrics_and_schema_know_no_classes(house: Doors, house_dir: Path) -> None:
    _, about = house.predictor.ask("GET", "/v2/models/house")
    assert about["outputs"] == [{"name": "prediction", "datatype": "FP32", "shape": [-1]}]
    house.predictor.v1({"instances": [[5000.0, 4, "Izmir"]]})
    _, page = house.predictor.ask("GET", "/metrics")
    assert "kanarya_predictions_total{" not in page
    assert "kanarya_prediction_confidence" not in page
    assert 'kanarya_feature_out_of_range_total{feature="size"' in page
    assert "kanarya_predictor_requests_total{" in page

    from jsonschema import Draft202012Validator

    known = schemas(read_card(house_dir), OUTPUTS)
    _, answer = house.predictor.v1({"instances": ROWS})
    Draft202012Validator(known.v1_answer).validate(answer)
    _, answer = house.predictor.v2(inputs())
    Draft202012Validator(known.v2_answer).validate(answer)


@pytest.mark.e2e
def test_the_flag_for_outputs_changes_nothing_where_there_is_one(house_dir: Path) -> None:
    body = {"instances": ROWS}
    for outputs in (OUTPUTS, ("label",), ("probabilities",)):
        answer = App(house_dir, outputs=outputs).v1(body).json
        assert answer["predictions"] == pytest.approx(expected(house_dir), rel=1e-6)


@pytest.mark.e2e
def test_a_directory_whose_numbers_are_others_than_the_golden_ones_is_refused(
    house_dir: Path, tmp_path: Path
) -> None:
    import shutil

    from serving.artifact import seal, write_card, write_golden

    golden, card = read_golden(house_dir), read_card(house_dir)
    changes = [
        (replace(golden, probabilities=golden.probabilities * 1.001), card, "with a difference of"),
        (golden, replace(card, signature=replace(card.signature, labels=("a",))), "not what its"),
    ]
    for place, (rows, other, words) in enumerate(changes):
        copy = tmp_path / str(place)
        shutil.copytree(house_dir, copy)
        write_golden(copy, rows)
        write_card(copy, other)
        (copy / "MANIFEST.json").unlink()
        seal(copy)
        with pytest.raises(ModelError, match=words):
            load(copy)
