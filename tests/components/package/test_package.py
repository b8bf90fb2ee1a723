"""Packaging: parity is checked on every test row, and a mismatch is shown and stops it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from components import inputs, models, preprocessing, rows, trained
from components.baseline import baseline
from components.package import rules, step
from serving import artifact, skops_model
from serving.errors import ModelError
from serving.onnx_model import OnnxModel
from serving.predictor.cells import Rule
from serving.predictor.served import load
from serving.signature import MISSING, Column
from tests.components import tables
from tests.components.tables import Table

pytestmark = pytest.mark.thorough  # trains and converts


@pytest.mark.parametrize(
    ("native", "onnx", "row"),
    [
        ([[0.5, 0.5]], [[0.5, 0.5]], None),
        ([[0.9, 0.1]], [[0.90009, 0.09991]], None),
        ([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]], [[0.9, 0.1], [0.5, 0.5], [0.69, 0.31]], 1),
        ([[0.50001, 0.49999]], [[0.49999, 0.50001]], None),  # a tie: either label is right
        ([[0.9, 0.1], [0.9, 0.1]], [[0.9, 0.1], [np.nan, np.nan]], 1),
    ],
)
def test_the_worst_row_beyond_the_tolerance_is_found(
    native: list[list[float]], onnx: list[list[float]], row: int | None
) -> None:
    found = rules.worst_mismatch(np.array(native), np.array(onnx, dtype=np.float32))
    assert (found.row if found else None) == row


def test_a_model_that_does_not_agree_is_not_packaged_and_the_row_is_shown(tmp_path: Path) -> None:
    # Every test row lies midway between two training rows of different classes: on a threshold.
    table = pl.DataFrame({"x": np.arange(400), "y": np.arange(400) // 4 % 2})
    walked = tables.walk(tmp_path, Table(table, "y"), "random_forest")

    # Behind a scaler, ONNX multiplies where scikit-learn divides, and lands on the other side.
    given, columns = rows.read(walked.train), trained.read_signature(walked.model).inputs
    scaled = models.build("random_forest", {"n_estimators": 30}, columns, 0)
    scaled.set_params(prepare=preprocessing.transformer(columns, scale=True))
    preprocessing.fit(scaled, preprocessing.frame(columns, given.cells), given.labels)
    skops_model.save(scaled, walked.model / "native" / skops_model.FILE)

    inputs = step.Inputs("tried", walked.model, walked.train, walked.test, walked.evaluation)
    with pytest.raises(ModelError) as refused:
        step.run(inputs, tmp_path / "again", tables.NOW)
    words = (
        "on test row ",
        "(x=",
        "the trained model says",
        "and ONNX",
        "0.0001 is",
        "of an svm a lower C",
    )
    assert all(word in str(refused.value) for word in words), str(refused.value)
    assert not list(tmp_path.glob("again*"))


def repackaged(tmp_path: Path, model: Any, kind: str = "logistic_regression") -> Path:
    """Walk with `kind`, put a pipeline with another classifier in its place, and package it."""
    walked = tables.walk(tmp_path, tables.mixed(), kind)
    given, columns = rows.read(walked.train), trained.read_signature(walked.model).inputs
    pipeline = models.build(kind, {}, columns, 0).set_params(model=model)
    preprocessing.fit(pipeline, preprocessing.frame(columns, given.cells), given.labels)
    skops_model.save(pipeline, walked.model / "native" / skops_model.FILE)
    inputs = step.Inputs("tried", walked.model, walked.train, walked.test, walked.evaluation)
    step.run(inputs, tmp_path / "again", tables.NOW)
    return tmp_path / "again"


def test_a_model_without_an_onnx_form_answers_from_its_native_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sklearn.neighbors import NearestCentroid

    packaged = repackaged(tmp_path, NearestCentroid())
    assert "note: NearestCentroid could not be converted to ONNX (" in capsys.readouterr().out
    card = artifact.read_card(packaged)
    assert (card.runtime, card.opset) == ("skops", 0)
    assert not (packaged / artifact.MODEL).exists()

    served, pipeline = load(packaged), skops_model.load(packaged / "native" / skops_model.FILE)
    test = rows.read(tmp_path / "test")
    expected = preprocessing.ask(pipeline, preprocessing.frame(card.signature.inputs, test.cells))
    answer = served.answer(test.cells)
    np.testing.assert_allclose(answer.probabilities, expected, atol=1e-6)
    assert answer.labels == pipeline.classes_[expected.argmax(axis=1)].tolist()
    assert answer.classes == card.signature.labels


def test_a_model_that_neither_form_may_hold_is_refused_with_its_type(tmp_path: Path) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    with pytest.raises(ModelError, match=r"sklearn\.neighbors\._classification\.KNeighborsClass"):
        repackaged(tmp_path, KNeighborsClassifier(algorithm="brute"))
    assert not list(tmp_path.glob("again*"))


def test_golden_rows_are_few_and_show_every_class_and_a_missing_cell() -> None:
    classes = np.array([0] * 500 + [1, 2] + [0] * 500 + [3])
    missing = np.zeros(len(classes), dtype=bool)
    missing[777] = True
    chosen = rules.golden_rows(classes, missing)
    assert len(chosen) == rules.GOLDEN_ROWS
    assert {0, 500, 501, 777, 1002} <= set(chosen.tolist())
    assert rules.golden_rows(np.array(["a", "b"]), np.array([False, False])).tolist() == [0, 1]
    assert len(rules.golden_rows(np.arange(100), missing[:100])) == rules.GOLDEN_ROWS


def test_a_server_takes_what_any_part_of_the_table_has(tmp_path: Path) -> None:
    rng, count = np.random.default_rng(5), 80
    cells: dict[str, list[object]] = {
        "town": ["Ankara", "Izmir"] * (count // 2),
        "street": [f"street {row}" for row in range(count)],
        "^note.*$": [f"note {row % 60}" for row in range(count)],
        "age": rng.uniform(1, 80, count).tolist(),
        "rooms": rng.integers(1, 9, count).tolist(),
        "member": (rng.random(count) < 0.5).tolist(),
        "never": [None] * count,
    }
    # Every fourth row is tested on.
    cells["town"][3], cells["town"][7], cells["age"][11], cells["rooms"][15] = "Van", *[None] * 3
    cells["member"][19], cells["^note.*$"][23], cells["age"][27] = None, None, 99.0
    cells["left"] = ["no", "yes"] * (count // 2)
    rows = pl.DataFrame(cells, schema_overrides={"never": pl.Float64})
    packaged = tables.walk(tmp_path, tables.Table(rows, "left"), "random_forest").packaged
    golden, card = artifact.read_golden(packaged), artifact.read_card(packaged)
    columns = {column.name: column for column in card.signature.inputs}
    assert columns["town"].categories == ("Ankara", "Izmir", "Van")
    assert len(columns["street"].categories) == count
    assert [name for name, column in columns.items() if not column.nullable] == ["street"]
    assert columns["age"].maximum == 99
    assert len(golden.probabilities) == count // 4
    for name, column in columns.items():
        values = golden.columns[name].ravel().tolist()
        Rule(column).check([None if v == MISSING or v != v else v for v in values])
    again = OnnxModel.load(packaged).predict(golden.columns)
    assert np.array_equal(again, golden.probabilities)


@pytest.mark.parametrize(("number", "listed"), [(100, 100), (101, 0)])
def test_words_are_listed_up_to_a_hundred_in_all_parts(
    tmp_path: Path, number: int, listed: int
) -> None:
    words = [f"word {each}" for each in range(number)]
    rows = pl.DataFrame({"word": words[90:], "target": words[90:]})
    tables.write(tmp_path / "test", Table(rows, "target"))
    known = Column("word", "text", categories=tuple(words[:95]))
    (column,) = inputs.widened((known,), tmp_path / "test")
    assert len(column.categories) == listed


def test_the_card_carries_the_scores_and_the_pipeline_shows_them(tmp_path: Path) -> None:
    walked = tables.walk(tmp_path, tables.iris(), "logistic_regression")
    inputs = step.Inputs("tried", walked.model, walked.train, walked.test, walked.evaluation)
    shown = step.run(inputs, tmp_path / "again", tables.NOW)
    assert shown["kind"] == "logistic_regression"
    assert shown["accuracy"] == artifact.read_card(tmp_path / "again").metrics["accuracy"]
    first, second = (artifact.verify(path) for path in (walked.packaged, tmp_path / "again"))
    assert first == second  # the same inputs and time give the same bytes


def test_a_baseline_counts_cells_quantiles_and_values() -> None:
    columns = (Column("n", "number"), Column("t", "text"), Column("e", "number"))
    cells = {
        "n": np.array([1.0, 2.0, 3.0, np.nan]),
        "t": np.array(["b", "a", "b", None], dtype=object),
        "e": np.full(4, np.nan),
    }
    found = baseline(columns, cells, np.array([0, 0, 1]), ("x", "y", "z"))
    assert found["rows"] == 4
    number = found["columns"]["n"]
    assert (number["count"], number["missing"]) == (3, 0.25)
    assert number["quantiles"]["0"] == 1
    assert number["quantiles"]["50"] == 2
    assert number["quantiles"]["100"] == 3
    text, empty = found["columns"]["t"], found["columns"]["e"]
    assert (text["count"], text["missing"], text["top"]) == (3, 0.25, {"b": 0.5, "a": 0.25})
    assert (empty["count"], empty["missing"], empty["quantiles"]) == (0, 1.0, {})
    assert {sum(column["cells"]["counts"]) for column in (number, text, empty)} == {4}
    assert found["labels"] == pytest.approx({"x": 2 / 3, "y": 1 / 3, "z": 0})
    assert json.dumps(found, allow_nan=False)
