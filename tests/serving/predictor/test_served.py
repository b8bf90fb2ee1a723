import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.artifact import read_card, read_golden, seal, write_card, write_golden
from serving.errors import ModelError
from serving.onnx_model import OnnxModel
from serving.predictor.served import load
from serving.signature import Column, Signature
from tests.serving.modeldirs import iris


@pytest.fixture
def directory(iris_model_dir: Path, tmp_path: Path) -> Path:
    return shutil.copytree(iris_model_dir, tmp_path / "copy")


def test_a_published_model_answers_in_the_order_of_its_card(iris_model_dir: Path) -> None:
    data = iris()
    served = load(iris_model_dir)
    answer = served.answer(data.columns)
    assert served.card.version == "1"
    assert np.mean([a == b for a, b in zip(answer.labels, data.target, strict=True)]) > 0.95
    assert answer.probabilities.shape == (150, 3)
    np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1, atol=1e-5)
    labels = served.card.signature.labels
    assert answer.labels == [labels[i] for i in answer.probabilities.argmax(axis=1)]


def test_columns_of_every_kind_and_missing_cells_are_answered(mixed_model_dir: Path) -> None:
    columns = {"age": [None, 3], "visits": [1, None], "member": [True, None], "town": [None, "?"]}
    assert load(mixed_model_dir).answer(columns).probabilities.shape == (2, 2)


def wrong_answers(directory: Path) -> None:
    golden = read_golden(directory)
    golden.probabilities[3] += 0.001
    write_golden(directory, golden)


def no_answers(directory: Path) -> None:
    golden = read_golden(directory)
    golden.probabilities[0] = np.nan
    write_golden(directory, golden)


def no_rows(directory: Path) -> None:
    golden = read_golden(directory)
    rows = {name: cells[:0] for name, cells in golden.columns.items()}
    write_golden(directory, type(golden)(rows, golden.probabilities[:0]))


def other_columns(directory: Path) -> None:
    card = read_card(directory)
    inputs = (*card.signature.inputs[:-1], Column("petals", "number"))
    signature = Signature(inputs, card.signature.labels)
    write_card(directory, type(card)(**{**vars(card), "signature": signature}))


def no_model(directory: Path) -> None:
    (directory / "model.onnx").write_bytes(b"import os")


def no_card(directory: Path) -> None:
    (directory / "card.json").unlink()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (wrong_answers, r"model\.onnx answers its golden rows with a difference of 0.001"),
        (no_answers, r"model\.onnx answers its golden rows with a difference of nan"),
        (no_rows, r"golden\.npz expects probabilities \(0, 3\)"),
        (other_columns, r"disagree about the inputs 'petal_width', 'petals'"),
        (no_model, r"model\.onnx is no ONNX model"),
        (no_card, r"card\.json cannot be read"),
    ],
)
def test_a_model_that_is_not_what_was_packaged_is_refused_even_when_sealed(
    directory: Path, damage: Callable[[Path], Any], words: str
) -> None:
    damage(directory)
    seal(directory)
    with pytest.raises(ModelError, match=words) as caught:
        load(directory)
    assert "\n" not in str(caught.value)


def test_inputs_that_the_graph_does_not_know_are_one_sentence(directory: Path) -> None:
    model = OnnxModel.load(directory)
    with pytest.raises(ModelError, match="could not answer") as caught:
        model.predict({"odd": np.zeros((1, 1), np.float32)})
    assert "\n" not in str(caught.value)
