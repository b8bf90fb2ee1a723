"""Every kind of regression on every sort of table: trains, converts, serves the native numbers."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components import preprocessing, rows, trained
from components.evaluate import numbers, step
from components.models import HYPERPARAMETERS
from serving import artifact, golden
from serving.predictor.served import load
from tests.components import tables
from tests.components.tables import Walk

pytestmark = pytest.mark.e2e  # trains every kind on every table

KINDS = HYPERPARAMETERS["tabular-regression"]
PAIRS = list(itertools.product(KINDS, tables.NUMBERS))
EXPECTED = {"prices": 0.7, "progress": 0.25, "tiny": 0.6}


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def walked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    kind, name = request.param
    return tables.walk(tmp_path_factory.mktemp(f"{kind}-{name}"), tables.NUMBERS[name](), kind)


def test_the_served_model_answers_as_the_native_one(walked: Walk) -> None:
    artifact.publish(walked.packaged, walked.packaged.with_name("1"), "1")
    served, given = load(walked.packaged.with_name("1")), rows.read(walked.test)
    inputs = served.card.signature.inputs
    pipeline = trained.load_pipeline(walked.model)
    native = preprocessing.ask(pipeline, preprocessing.frame(inputs, given.cells))
    answer = served.answer(dict(given.cells)).probabilities
    assert answer.shape == native.shape == (len(given.labels), 1)
    assert (np.abs(answer - native) / golden.sizes(native)).max() < 1e-5


def test_the_model_is_good_and_its_card_says_what_it_is(walked: Walk) -> None:
    card = artifact.read_card(walked.packaged)
    assert (card.task, card.runtime, card.signature.labels) == ("tabular-regression", "onnx", ())
    name = walked.train.parent.name
    floor = next(value for key, value in EXPECTED.items() if f"-{key}" in name)
    assert card.metrics["r2"] >= floor, card.metrics
    assert card.metrics == walked.judged.evaluation.candidate
    written = json.loads((walked.packaged / "baseline.json").read_text())
    assert written["labels"] == {}
    assert written["prediction"]["count"] == walked.judged.evaluation.rows


def test_the_evaluation_shows_residuals_and_the_largest_errors(walked: Walk) -> None:
    drawn = {path.stem for path in (walked.evaluation / "plots").glob("*.png")}
    assert {"predicted", "residuals", "errors", "importance"} <= drawn
    predictions = pl.read_parquet(walked.evaluation / "predictions.parquet")
    assert predictions.columns == ["truth", "predicted"]
    page = walked.report.read_text()
    assert "Largest errors" in page
    assert numbers.told(walked.judged.evaluation) in page


class Champion:
    version = "4"

    def __init__(self, uri: Path) -> None:
        self.uri = str(uri)


def test_a_champion_is_compared_by_its_errors_and_one_of_classes_is_not(tmp_path: Path) -> None:
    walked = tables.walk(tmp_path, tables.prices(), "random_forest")
    other = tables.walk(tmp_path / "other", tables.iris(), "logistic_regression")
    for packaged, error in ((walked.packaged, None), (other.packaged, "columns")):
        artifact.publish(packaged, packaged.with_name("4"), "4")
        judged = step.run(
            step.Inputs(walked.model, walked.test, "tried"),
            step.Outputs(tmp_path / "again", tmp_path / "again.html"),
            lambda name, packaged=packaged: Champion(packaged.with_name("4")),  # type: ignore[misc]
        )
        champion = judged.evaluation.champion
        assert champion is not None
        if error is None:
            expected = judged.evaluation.candidate
            assert champion.metrics == pytest.approx(expected, rel=1e-5)
        else:
            assert champion.error is not None
            assert error in champion.error
