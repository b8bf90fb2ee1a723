"""Triton's clients, by REST and by gRPC, get what the same request gets by plain HTTP."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.serving.predictor.conformance.doors import Doors
from tests.serving.predictor.conformance.triton_environment import environment

pytestmark = pytest.mark.e2e

PROGRAM = Path(__file__).with_name("triton_client.py")
ROWS = [[30.5, 2, True, "Izmir"], [61.25, 9, False, "Ankara"]]
DTYPES = {"label": "int64", "probabilities": "float32"}
LACKING = "The request lacks the input 'visits', 'member', 'town'; send null where a value is"
ABSENT = "Model with name zz does not exist."


@pytest.fixture(scope="module")
def said(doors: Doors, iris_doors: Doors, pytestconfig: pytest.Config) -> Any:
    """What the client program printed."""
    python = environment(pytestconfig.cache.mkdir("triton"))  # type: ignore[union-attr]
    addresses = [
        address
        for opened in (doors, iris_doors)
        for address in (f"127.0.0.1:{opened.predictor.port}", opened.grpc)
    ]
    done = subprocess.run(
        [python, PROGRAM, *addresses], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("door", "which"),
    [
        ("http", "json"),
        ("http", "binary"),
        ("http", "wider"),
        ("http", "unasked"),
        ("grpc", "raw"),
        ("grpc", "wider"),
    ],
)
def test_fp32_int64_bool_bytes_and_fp64_columns_get_the_usual_answer(
    doors: Doors, said: Any, door: str, which: str
) -> None:
    _, v1 = doors.predictor.v1({"instances": ROWS})
    answer = said[door][which]
    assert (answer["model_name"], answer["model_version"]) == ("people", "3")
    assert (answer["names"], answer["dtypes"]) == (["label", "probabilities"], DTYPES)
    assert answer["label"] == v1["predictions"]
    for given, expected in zip(answer["probabilities"], v1["probabilities"], strict=True):
        assert given == pytest.approx(expected, abs=1e-7)


def test_the_id_comes_back_and_where_none_was_sent_there_is_one(said: Any) -> None:
    for door, which in (("http", "json"), ("http", "binary"), ("grpc", "raw")):
        assert said[door][which]["id"] == "mine"
    assert len({said["http"][which]["id"] for which in ("wider", "unasked", "only")}) == 3
    assert said["grpc"]["wider"]["id"]


def test_only_the_output_that_was_asked_for_comes_back(said: Any) -> None:
    assert said["http"]["only"]["names"] == ["label"]
    assert said["grpc"]["only"]["names"] == ["label"]


@pytest.mark.parametrize("which", ["json", "binary", "binary FP64", "grpc"])
def test_text_labels_come_back_as_bytes(said: Any, which: str) -> None:
    answer = said["texts"][which]
    assert answer["label"] == ["setosa", "virginica"]
    assert answer["dtypes"] == {"label": "object"}


def test_the_server_and_the_model_are_live_and_ready_and_another_is_not(said: Any) -> None:
    assert said["http"]["facts"] == {"live": True, "ready": True, "model": True, "absent": False}
    assert said["grpc"]["facts"] == {"live": True, "ready": True, "model": True}


def test_the_metadata_are_those_of_plain_http(doors: Doors, said: Any) -> None:
    _, model = doors.predictor.ask("GET", "/v2/models/people")
    assert said["http"]["metadata"] == model
    assert said["http"]["server"] == doors.predictor.ask("GET", "/v2")[1]
    assert said["grpc"]["server"] == said["http"]["server"]
    for side in ("inputs", "outputs"):
        as_texts = [{**each, "shape": [*map(str, each["shape"])]} for each in model[side]]
        assert said["grpc"]["metadata"][side] == as_texts


@pytest.mark.parametrize(
    ("door", "which", "status", "words"),
    [
        ("http", "lacking", "400", LACKING),
        ("http", "absent", "404", ABSENT),
        ("http", "version", "501", "Model versioning not supported yet."),
        ("http", "metadata", "404", ABSENT),
        ("grpc", "lacking", "StatusCode.INVALID_ARGUMENT", LACKING),
        ("grpc", "absent", "StatusCode.NOT_FOUND", ABSENT),
        ("grpc", "metadata", "StatusCode.NOT_FOUND", ABSENT),
        ("grpc", "ready", "StatusCode.NOT_FOUND", ABSENT),
    ],
)
def test_an_error_keeps_its_status_and_its_sentence(
    said: Any, door: str, which: str, status: str, words: str
) -> None:
    given, sentence = said[door]["errors"][which]
    assert given == status
    assert words in sentence
