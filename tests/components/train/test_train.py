"""Training: what it writes, what it records, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components import preprocessing, rows, trained
from components.models import HYPERPARAMETERS
from components.train import step
from serving.errors import KanaryaError, UsageError
from serving.signature import Column
from tests.components import tables
from tests.components.tables import Table, Tracker


def test_training_leaves_a_model_a_signature_and_how_it_was_made(tmp_path: Path) -> None:
    part, tracker = tables.write(tmp_path / "rows", tables.mixed()), Tracker()
    run_id = step.run(part, tables.request("random_forest"), tmp_path / "model", tracker)
    assert run_id == "run of key"
    recorded = tracker.runs["key"]
    assert (recorded["name"], recorded["kind"], recorded["asked"]) == ("tried", "random_forest", 1)
    assert recorded["hyperparameters.n_estimators"] == 15
    assert recorded["hyperparameters.min_samples_leaf"] == 1  # a default is recorded as well
    made = trained.read_training(tmp_path / "model")
    assert (made.kind, made.rows, made.target, made.data_sha256) == (
        "random_forest",
        240,
        "left",
        "5ha",
    )
    signature = trained.read_signature(tmp_path / "model")
    assert signature.labels == ("False", "True")
    assert signature.inputs[4] == Column("town", "text", True, ("Ankara", "Izmir", "Şırnak"))
    assert list(tracker.examples[0].columns) == [column.name for column in signature.inputs]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model", "rows"]


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [*tables.QUICK, "perceptron", "mlp"])
def test_the_same_seed_gives_the_same_model(tmp_path: Path, kind: str) -> None:
    first, _ = tables.fitted(tmp_path / "1", tables.mixed(), kind)
    second, _ = tables.fitted(tmp_path / "2", tables.mixed(), kind)
    answers = [preprocessing.ask(each.pipeline, each.frame) for each in (first, second)]
    assert np.array_equal(*answers)


@pytest.mark.e2e  # trains every kind twice
@pytest.mark.parametrize(
    ("task", "kind"), [(task, kind) for task, kinds in HYPERPARAMETERS.items() for kind in kinds]
)
def test_every_kind_gives_the_same_bytes_again(tmp_path: Path, task: str, kind: str) -> None:
    table = tables.mixed() if task == "tabular" else tables.prices()
    part, asked = tables.write(tmp_path / "rows", table), {"solver": "sgd"}
    asked = asked if kind == "logistic_regression" else {}
    for name in ("1", "2"):
        step.run(part, tables.request(kind, task, **asked), tmp_path / name, Tracker())
    files = {
        path.relative_to(tmp_path / "1")
        for path in (tmp_path / "1").rglob("*")
        if path.is_file() and path.name != "training.json"  # it holds the seconds
    }
    assert Path("native/model.skops") in files
    for name in files:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name


def test_integer_targets_stay_integers_and_booleans_become_words(tmp_path: Path) -> None:
    for name, values, labels in [
        ("integer", [10, -3] * 10, (-3, 10)),
        ("boolean", [True, False] * 10, ("False", "True")),
        ("text", ["b", "a"] * 10, ("a", "b")),
    ]:
        table = Table(pl.DataFrame({"x": np.arange(20.0), "y": values}), "y")
        fitted, _ = tables.fitted(tmp_path / name, table, "logistic_regression")
        assert fitted.signature.labels == labels
        assert [type(a) for a in fitted.signature.labels] == [type(a) for a in labels]


def test_a_solver_that_stops_early_leaves_a_note_with_a_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = tables.write(tmp_path / "rows", tables.digits())
    asked = tables.request("logistic_regression", max_iter=2)
    step.run(part, asked, tmp_path / "model", Tracker())
    (note,) = trained.read_training(tmp_path / "model").notes
    assert note == "logistic_regression stopped before it converged; raise max_iter, or lower C."
    assert capsys.readouterr().out == f"note: {note}\n"


@pytest.mark.parametrize("make", [tables.iris, tables.prices])
def test_an_svm_that_would_never_end_leaves_one_too(
    tmp_path: Path, make: Callable[[], Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.models.kernels.MOST_STEPS", 3)
    fitted, _ = tables.fitted(tmp_path, make(), "svm")
    assert fitted.notes == ("svm stopped before it converged; raise tol, or lower C.",)


def test_trees_that_have_too_few_rows_to_split_leave_a_note_with_a_remedy(tmp_path: Path) -> None:
    rows_ = pl.DataFrame({"x": range(39), "y": ["a", "b", "b"] * 13})
    part = tables.write(tmp_path / "rows", Table(rows_, "y"))
    step.run(part, tables.request("hist_gradient_boosting"), tmp_path / "model", Tracker())
    (note,) = trained.read_training(tmp_path / "model").notes
    assert note == (
        "hist_gradient_boosting can split no tree: a leaf takes 20 rows at least, and there are "
        "39; lower min_samples_leaf."
    )


def test_what_a_library_asks_itself_of_many_classes_is_no_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows_ = pl.DataFrame({"x": range(60), "y": [f"k{i % 40}" for i in range(60)]})
    part = tables.write(tmp_path / "rows", Table(rows_, "y"))
    step.run(part, tables.request("random_forest"), tmp_path / "model", Tracker())
    assert trained.read_training(tmp_path / "model").notes == ()
    assert capsys.readouterr().out == ""


FEW = pl.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "y": ["a", "b", "a", "b"]})


@pytest.mark.parametrize(
    ("rows_", "kind", "hyperparameters", "words"),
    [
        (FEW.with_columns(y=pl.lit("a")), "random_forest", {}, "only a in the training part"),
        (FEW.select("y"), "random_forest", {}, "no column but the target 'y'"),
        (FEW.rename({"x": "label"}), "random_forest", {}, "named 'label' cannot be served"),
        (FEW.with_columns(x=pl.lit(1e300)), "random_forest", {}, "Column 'x' holds a number that"),
        (FEW.with_columns(x=pl.lit(-np.inf)), "random_forest", {}, "--drop 'x'"),
        (FEW, "random_forest", {"n_estimators": -1}, "n_estimators is -1"),
        (FEW, "mlp", {"validation_size": 0}, "early_stopping needs validation rows"),
    ],
)
def test_what_cannot_be_learned_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, rows_: pl.DataFrame, kind: str, hyperparameters: dict[str, object], words: str
) -> None:
    part, tracker = tables.write(tmp_path / "rows", Table(rows_, "y")), Tracker()
    with pytest.raises(UsageError) as refused:
        step.run(part, tables.request(kind, **hyperparameters), tmp_path / "model", tracker)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert [p.name for p in tmp_path.iterdir()] == ["rows"]
    assert not tracker.runs


SINGLE = pl.DataFrame({"x": range(9), "y": ["a"] * 4 + ["b"] * 4 + ["alone"]})


@pytest.mark.parametrize(
    ("rows_", "kind", "hyperparameters", "words"),
    [
        (FEW, "hist_gradient_boosting", {"early_stopping": True}, "there are 2 classes in 4 rows"),
        (SINGLE, "svm", {}, "class alone has a single row to train on"),
    ],
)
def test_a_training_that_fails_closes_its_run_with_the_reason(
    tmp_path: Path, rows_: pl.DataFrame, kind: str, hyperparameters: dict[str, object], words: str
) -> None:
    part, tracker = tables.write(tmp_path / "rows", Table(rows_, "y")), Tracker()
    with pytest.raises(UsageError, match=words) as refused:
        step.run(part, tables.request(kind, **hyperparameters), tmp_path / "model", tracker)
    assert tracker.failed == {"run of key": str(refused.value)}
    assert [p.name for p in tmp_path.iterdir()] == ["rows"]


@pytest.mark.parametrize(
    ("table", "kind", "measured"),
    [
        (tables.mixed, "passive_aggressive", {"loss", "accuracy"}),
        (tables.prices, "linear_regression", {"loss", "rmse"}),
    ],
)
def test_every_epoch_is_on_the_run_and_in_the_record(
    tmp_path: Path, table: Callable[[], Table], kind: str, measured: set[str]
) -> None:
    made = table()
    part, tracker = tables.write(tmp_path / "rows", made), Tracker()
    asked = tables.request(kind, made.task, epochs=7, patience=7)
    step.run(part, asked, tmp_path / "model", tracker)
    assert [epoch.number for epoch in tracker.epochs] == list(range(1, 8))
    names = {f"{part}_{name}" for part in ("train", "val") for name in measured}
    assert all(set(epoch.values) == names for epoch in tracker.epochs)
    curves = trained.read_history(tmp_path / "model")
    assert curves["val_loss"] == [epoch.values["val_loss"] for epoch in tracker.epochs]
    assert curves["train_loss"][-1] < curves["train_loss"][0]


def test_a_model_of_numbers_says_so_and_has_no_labels(tmp_path: Path) -> None:
    part, tracker = tables.write(tmp_path / "rows", tables.prices()), Tracker()
    asked = tables.request("random_forest", "tabular-regression")
    step.run(part, asked, tmp_path / "model", tracker)
    assert tracker.runs["key"]["task"] == trained.read_training(tmp_path / "model").task
    signature = trained.read_signature(tmp_path / "model")
    assert (signature.is_number, signature.labels, signature.width) == (True, (), 1)
    with pytest.raises(UsageError, match="not read for the task tabular; run ingest"):
        step.run(part, tables.request("random_forest"), tmp_path / "other", tracker)


def test_a_tracker_that_fails_leaves_no_half_made_model(tmp_path: Path) -> None:
    class Broken(Tracker):
        def save_native(self, *arguments: object, **_: object) -> None:
            raise KanaryaError("the disk is full")

    part = tables.write(tmp_path / "rows", tables.iris())
    with pytest.raises(KanaryaError, match="the disk is full"):
        step.run(part, tables.request("logistic_regression"), tmp_path / "model", Broken())
    assert [p.name for p in tmp_path.iterdir()] == ["rows"]


def test_a_damaged_training_directory_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(KanaryaError, match=r"signature\.json cannot be read"):
        trained.read_signature(tmp_path)
    (tmp_path / "training.json").write_text(json.dumps({"kind": "x", "surprise": 1}))
    with pytest.raises(KanaryaError, match=r"training\.json is damaged"):
        trained.read_training(tmp_path)


def test_missing_cells_are_filled_from_the_training_part_only(tmp_path: Path) -> None:
    table = Table(pl.DataFrame({"x": [1.0, 2.0, 9.0, None], "y": ["a", "b", "b", "a"]}), "y")
    fitted, given = tables.fitted(tmp_path, table, "random_forest")
    imputer = fitted.pipeline["prepare"].named_transformers_["numbers"]
    assert imputer.statistics_.tolist() == [2.0]
    assert rows.classes(np.array([True, False])).tolist() == ["True", "False"]
    assert given.labels.tolist() == ["a", "b", "b", "a"]
