"""Evaluation: the champion on the same rows, KFP's artifacts, pictures and the report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from kfp import dsl

from components import plots, scores
from components.evaluate import rules, step
from components.evaluate.champion import of_rows
from components.evaluate.rules import Judged
from components.report import Picture, Report, Table, html
from components.rows import Rows
from components.table_schema import TableColumn, TableSchema
from serving import artifact
from serving.errors import ModelError
from serving.signature import Column, ColumnKind, Signature
from tests.components import kfp_ui, tables
from tests.components.tables import Walk

pytestmark = pytest.mark.thorough  # trains and draws


@dataclass(frozen=True)
class Champion:
    version: str
    uri: str


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    return tables.walk(tmp_path_factory.mktemp("walk"), tables.mixed(), "random_forest")


def judged_beside(home: Path, walked: Walk, champion: Champion) -> Judged:
    inputs = step.Inputs(walked.model, walked.test, "tried")
    outputs = step.Outputs(home / "evaluation", home / "report.html")
    asked: list[str] = []
    judged = step.run(inputs, outputs, lambda name: (asked.append(name), champion)[1])
    assert asked == ["tried"]
    return judged


@pytest.mark.parametrize("uri", [str, Path.as_uri], ids=["path", "file uri"])
def test_a_champion_that_is_the_candidate_itself_scores_the_same(
    tmp_path: Path, walked: Walk, uri: Callable[[Path], str]
) -> None:
    artifact.publish(walked.packaged, tmp_path / "3", "3")
    judged = judged_beside(tmp_path, walked, Champion("3", uri(tmp_path / "3")))
    written = json.loads((tmp_path / "evaluation" / "scores.json").read_text())
    assert written["champion"]["version"] == "3"
    assert written["champion"]["metrics"] == pytest.approx(written["candidate"], abs=1e-6)
    assert written["champion"]["agreement"] == 1.0
    assert judged.evaluation.champion.error is None
    page = (tmp_path / "report.html").read_text()
    assert "champion (version 3)" in page
    assert "agree on 100.0% of the rows" in page


def damaged(home: Path, walked: Walk) -> Path:
    artifact.publish(walked.packaged, home / "3", "3")
    (home / "3" / "model.onnx").write_bytes(b"changed")
    return home / "3"


def of_other_columns(home: Path, walked: Walk) -> Path:
    renamed = tables.mixed().rows.rename({"age": "years", "town": "city"})
    table = tables.Table(renamed, "left")
    return tables.walk(home / "other", table, "logistic_regression").packaged


def of_other_labels(home: Path, walked: Walk) -> Path:
    table = tables.mixed()
    renamed = table.rows.with_columns(left=table.rows["left"].cast(int) + 40)
    return tables.walk(
        home / "other", tables.Table(renamed, "left"), "logistic_regression"
    ).packaged


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda home, _: home / "nowhere", "nowhere does not exist"),
        (damaged, "model.onnx has"),
        (of_other_columns, "'years', 'city' are missing"),
        (of_other_labels, "It knows other labels, (40, 41), than this data, ('False', 'True')"),
    ],
    ids=["absent", "damaged", "other columns", "other labels"],
)
def test_a_champion_that_cannot_be_scored_is_recorded_with_the_reason(
    tmp_path: Path, walked: Walk, made: Callable[[Path, Walk], Path], why: str
) -> None:
    judged = judged_beside(tmp_path, walked, Champion("3", str(made(tmp_path, walked))))
    written = json.loads((tmp_path / "evaluation" / "scores.json").read_text())
    assert set(written["champion"]) == {"version", "error"}
    assert why in written["champion"]["error"]
    assert judged.evaluation.candidate == walked.judged.evaluation.candidate
    assert "could not be scored" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(("was", "now"), [("number", "text"), ("text", "number")])
def test_a_champion_is_not_asked_about_words_that_were_numbers(
    was: ColumnKind, now: ColumnKind
) -> None:
    """As of a column that is written `12.5 EUR` from some day on."""
    column = TableColumn("price", now, missing=0, distinct=2)
    schema = TableSchema((column,), "sold", "text", 2, "ab" * 32, "/data/x.csv", ",", "utf-8")
    cells = np.array(["12.5 EUR", "3 EUR"], dtype=object) if now == "text" else np.array([1.0, 2.0])
    ask = of_rows(Rows(schema, {"price": cells}, np.array(["yes", "no"])))
    with pytest.raises(ModelError, match=f"'price' as {was}, which is {now} in this data"):
        ask(Signature((Column("price", was),), ("no", "yes")), lambda inputs: np.zeros((2, 2)))


def test_the_report_says_how_many_test_rows_are_trained_on(walked: Walk) -> None:
    found = walked.judged
    kept = len(rules.report("tried", found, {}).notes)
    known = replace(found, beside=replace(found.beside, overlap=6))
    (said,) = rules.report("tried", known, {}).notes[kept:]
    assert said.startswith("6 of the 60 test rows (10.0%) are trained on, too")


def test_kfp_gets_finite_numbers_a_matrix_a_curve_and_files(tmp_path: Path, walked: Walk) -> None:
    metrics = dsl.Metrics(uri=str(tmp_path / "metrics"))
    classification = dsl.ClassificationMetrics(uri=str(tmp_path / "classification"))
    step.show(walked.judged, metrics, classification)
    assert metrics.metadata == walked.judged.evaluation.candidate
    assert json.loads(json.dumps(classification.metadata, allow_nan=False))
    assert kfp_ui.shown_metrics(metrics.metadata)
    assert 2 < len(kfp_ui.shown_curve(classification.metadata)) <= 200
    matrix = kfp_ui.shown_matrix(classification.metadata)
    assert list(matrix) == ["False", "True"]
    assert sum(map(sum, matrix.values())) == walked.judged.evaluation.rows
    assert "<script" not in walked.report.read_text().lower()
    assert (tmp_path / "metrics").is_file()
    assert (tmp_path / "classification").is_file()


def test_a_confusion_matrix_of_very_many_classes_keeps_the_frequent_ones_and_every_row() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 9, (120, 120))
    names, small = rules.folded(counts, [f"c{i}" for i in range(120)])
    assert len(names) == len(small) == rules.SHOWN_CLASSES
    assert names[-1] == "(other)"
    assert sum(map(sum, small)) == counts.sum()
    assert int(names[0].removeprefix("c")) in np.argsort(-counts.sum(axis=1))[:49]


def test_pictures_are_drawn_of_labels_in_any_script(recwarn: pytest.WarningsRecorder) -> None:
    labels = ["$\\frac{", "日本語", "<b>", "a" * 200]
    picture = plots.confusion(np.eye(4, dtype=int), labels)
    curve = scores.Curve(labels[0], (0.0, 1.0), (0.0, 1.0), (1.0, 0.0))
    for png in (picture, plots.roc(curve, None), plots.confusion(np.eye(60), range(60))):
        assert png.startswith(b"\x89PNG")
    assert not recwarn.list


def test_the_report_is_one_file_without_script_or_link() -> None:
    hostile = '"><img src=x onerror=alert(1)><script>'
    table = Table(hostile, (hostile, "n"), [[hostile, 0.123456], ["none", None]], hostile)
    page = html(Report(hostile, hostile, [table], [Picture(hostile, b"png")], [hostile]))
    for mark in ("<script", "<img src=x", "href", "http:", "https:"):
        assert mark not in page
    assert "0.1235" in page
    assert "–" in page
    assert page.count("<img") == 1
    assert 'src="data:image/png;base64,cG5n"' in page


def test_the_report_lists_the_most_confident_mistakes_with_their_cells(walked: Walk) -> None:
    page = walked.report.read_text()
    wrong = int((~walked.judged.answers.right).sum())
    assert wrong > 0
    assert "Most confident mistakes" in page
    assert "<th>town</th>" in page
    assert f"of {walked.judged.evaluation.rows} test rows right" in page
