"""Every kind on every sort of table: it trains, converts, and serves what the native model says."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components import preprocessing, rows, trained
from components.cores import cores_for
from components.models import HYPERPARAMETERS
from serving import artifact
from serving.onnx_model import MATRIX, OnnxModel
from serving.signature import encode
from tests.components import tables
from tests.components.tables import Walk

pytestmark = pytest.mark.e2e  # trains every kind on every table

BY_EPOCHS = "logistic_regression by epochs"
KINDS: dict[str, tuple[str, dict[str, object]]] = {
    **{kind: (kind, {}) for kind in HYPERPARAMETERS["tabular"]},
    BY_EPOCHS: ("logistic_regression", {"solver": "sgd"}),
}
PAIRS = list(itertools.product(KINDS, tables.TABLES))
EXPECTED = {"iris": 0.75, "mixed": 0.75, "digits": 0.7}


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def walked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    label, name = request.param
    kind, hyperparameters = KINDS[label]
    home = tmp_path_factory.mktemp(f"{kind}-{name}")
    return tables.walk(home, tables.TABLES[name](), kind, **hyperparameters)


def test_the_sealed_model_answers_as_the_native_one(walked: Walk) -> None:
    artifact.verify(walked.packaged)
    given, card = rows.read(walked.test), artifact.read_card(walked.packaged)
    pipeline = trained.load_pipeline(walked.model)
    frame = preprocessing.frame(card.signature.inputs, given.cells)
    served = OnnxModel.load(walked.packaged).predict(encode(card.signature.inputs, given.cells))
    assert np.abs(preprocessing.ask(pipeline, frame) - served).max() < 1e-5
    labels = np.array(card.signature.labels)
    with cores_for(pipeline, len(frame)):
        assert (labels[served.argmax(axis=1)] == pipeline.predict(frame)).all()


def test_the_label_output_says_the_same_as_the_probabilities(walked: Walk) -> None:
    # Read with the runtime itself: our predictor asks for probabilities only.
    import onnxruntime

    session = onnxruntime.InferenceSession(walked.packaged / artifact.MODEL)
    card, given = artifact.read_card(walked.packaged), rows.read(walked.test)
    inputs = encode(card.signature.inputs, given.cells)
    if all(column.kind != "text" for column in card.signature.inputs):
        inputs = {MATRIX: np.concatenate(list(inputs.values()), axis=1)}
    label, probabilities = session.run(["label", "probabilities"], inputs)
    assert label.tolist() == [card.signature.labels[i] for i in probabilities.argmax(axis=1)]
    assert [each.name for each in session.get_inputs()] == list(inputs)
    for each in session.get_inputs():
        assert each.shape == [None, inputs[each.name].shape[1]]
    names = [column.name for column in card.signature.inputs]
    assert list(OnnxModel.load(walked.packaged).inputs) == names


def test_one_row_with_nothing_but_missing_and_unknown_cells_is_answered(walked: Walk) -> None:
    card = artifact.read_card(walked.packaged)
    cells = {c.name: ["?!"] if c.kind == "text" else [None] for c in card.signature.inputs}
    pipeline = trained.load_pipeline(walked.model)
    native = preprocessing.ask(pipeline, preprocessing.frame(card.signature.inputs, cells))
    served = OnnxModel.load(walked.packaged).predict(encode(card.signature.inputs, cells))
    assert served == pytest.approx(native, abs=1e-5)


def test_the_card_tells_what_the_model_is(walked: Walk) -> None:
    card = artifact.read_card(walked.packaged)
    assert (card.name, card.version, card.data_sha256) == ("tried", None, "5ha")
    assert card.created_at == "2026-01-02T03:04:05+00:00"
    assert card.metrics == walked.judged.evaluation.candidate
    assert set(card.libraries) == set(trained.LIBRARIES)
    name = walked.train.parent.name
    assert card.metrics["accuracy"] >= next(v for k, v in EXPECTED.items() if f"-{k}" in name)


def test_golden_rows_are_replayed_to_the_bit_and_show_every_class(walked: Walk) -> None:
    golden, card = artifact.read_golden(walked.packaged), artifact.read_card(walked.packaged)
    again = OnnxModel.load(walked.packaged).predict(encode(card.signature.inputs, golden.columns))
    assert np.array_equal(again, golden.probabilities)
    assert len(golden.probabilities) <= 32


def test_the_evaluation_directory_holds_rows_plots_and_finite_scores(walked: Walk) -> None:
    scores = json.loads((walked.evaluation / "scores.json").read_text())
    assert scores["champion"] is None
    assert all(np.isfinite(value) for value in scores["candidate"].values())
    predictions = pl.read_parquet(walked.evaluation / "predictions.parquet")
    assert predictions.height == scores["rows"]
    right = (predictions["truth"] == predictions["predicted"]).mean()
    assert right == pytest.approx(scores["candidate"]["accuracy"])
    pictures = sorted((walked.evaluation / "plots").glob("*.png"))
    drawn = {p.stem for p in pictures}
    always = {"calibration", "confidence", "confusion_matrix", "importance", "precision_recall"}
    assert drawn - {"training_curves"} == always | {"roc"}
    assert bool(trained.read_history(walked.model)) == ("training_curves" in drawn)
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in pictures)


def test_the_baseline_describes_the_training_part(walked: Walk) -> None:
    baseline, given = artifact.read_baseline(walked.packaged), rows.read(walked.train)
    assert baseline["rows"] == given.schema.rows
    assert sum(baseline["labels"].values()) == pytest.approx(1)
    for column in given.schema.inputs:
        described = baseline["columns"][column.name]
        assert described["missing"] == pytest.approx(column.missing / given.schema.rows)
        if column.kind == "text":
            assert sum(described["top"].values()) == pytest.approx(1 - described["missing"])
        elif column.kind == "number":
            assert described["quantiles"]["100"] == pytest.approx(column.maximum)


def test_the_report_shows_hostile_names_as_text(tmp_path: Path) -> None:
    walked = tables.walk(tmp_path, tables.iris(tables.HOSTILE_NAMES), "logistic_regression")
    page = walked.report.read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    inputs = artifact.read_card(walked.packaged).signature.inputs
    assert tuple(column.name for column in inputs) == tables.HOSTILE_NAMES
