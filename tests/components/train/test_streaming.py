"""Training on a table in batches: the same preprocessing, as good a model, and nothing left."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components import preprocessing, rows
from components.models import HYPERPARAMETERS
from components.models.epochs import Part
from components.models.hyperparameters import Epochs
from components.preprocessing import Features
from components.telling import told
from components.train import spool, step, streaming
from components.train.medians import Median
from components.train.spool import Layout, Spool, Spooled
from components.train.survey import Moments
from serving.errors import UsageError
from tests.components import tables
from tests.components.tables import Table, Tracker

KINDS = [
    (task, kind)
    for task, kinds in HYPERPARAMETERS.items()
    for kind, of in kinds.items()
    if issubclass(of, Epochs)
]
BATCHED = {"in_memory": 0}


def sorted_by_target(seed: int, task: str) -> Table:
    """Numbers, a word and missing cells, sorted by the target: the worst order there is."""
    rng, n = np.random.default_rng(seed), 3000
    x, y, town = rng.normal(5, 2, n), rng.normal(-300, 40, n), rng.choice(["a", "b", "c"], n)
    score = (x - 5) / 2 + (y + 300) / 40 + (town == "b") + rng.normal(0, 0.6, n)
    cells: dict[str, list[object]] = {"x": x.tolist(), "y": y.tolist(), "town": town.tolist()}
    cells["flag"] = (rng.random(n) < 0.5).tolist()
    for place, values in enumerate(cells.values()):
        values[place :: 13 + place] = [None] * len(values[place :: 13 + place])
    quantity = task == "tabular-regression"
    target = score * 1e4 if quantity else np.digitize(score, [0, 1.5])
    frame = pl.DataFrame({**cells, "target": target}).sort("target")
    return Table(frame, "target", quantity)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    home = tmp_path_factory.mktemp("sorted")
    return {
        task: tables.write_parts(home / task, sorted_by_target(1, task)) for task in HYPERPARAMETERS
    }


def scored(model: Path, test: Path) -> float:
    """Return the accuracy, of numbers R²."""
    from components import trained

    given, signature = rows.read(test), trained.read_signature(model)
    pipeline = trained.load_pipeline(model)
    answers = preprocessing.ask(pipeline, preprocessing.frame(signature.inputs, given.cells))
    if signature.is_number:
        return 1 - float(np.square(answers[:, 0] - given.labels).mean() / given.labels.var())
    return float((np.array(signature.labels)[answers.argmax(axis=1)] == given.labels).mean())


@pytest.mark.e2e  # trains every kind three times
@pytest.mark.parametrize(("task", "kind"), KINDS)
def test_a_model_from_batches_is_as_good_as_one_from_memory_and_the_same_again(
    tmp_path: Path,
    parts: dict[str, tuple[Path, Path]],
    task: str,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spool, "BUCKET_CELLS", 5_000)
    train, test = parts[task]
    asked = tables.request(kind, task, epochs=15, **_by_epochs(kind))
    for name, how in (("whole", {}), ("batches", BATCHED), ("again", BATCHED)):
        step.run(train, asked, tmp_path / name, Tracker(), **how)
    whole, batches = (scored(tmp_path / name, test) for name in ("whole", "batches"))
    assert batches > whole - 0.03
    native = Path("native") / "model.skops"
    assert (tmp_path / "batches" / native).read_bytes() == (
        tmp_path / "again" / native
    ).read_bytes()
    assert sorted(path.name for path in (tmp_path / "batches").iterdir()) == sorted(
        path.name for path in (tmp_path / "whole").iterdir()
    )


def _by_epochs(kind: str) -> dict[str, object]:
    return {"solver": "sgd"} if kind == "logistic_regression" else {}


@pytest.mark.parametrize("make", [tables.mixed, tables.iris, tables.digits])
def test_preprocessing_learns_of_batches_what_it_learns_of_the_whole(
    tmp_path: Path, make: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.dataset.BATCH", 37)
    monkeypatch.setattr("components.train.survey.SHOWN_ROWS", 9)
    table = make()  # type: ignore[operator]
    part = tables.write(tmp_path / "rows", table)
    asked = tables.request("perceptron", epochs=1)
    whole = step.fit(step.prepare(rows.read(part), asked), asked)
    (tmp_path / "spool").mkdir()
    batches = streaming.fit(streaming.survey(part, asked), asked, tmp_path / "spool")
    assert batches.signature == whole.signature
    one, other = (each.pipeline.named_steps["prepare"] for each in (whole, batches))
    expected = one.transform(whole.frame)
    assert other.transform(whole.frame) == pytest.approx(expected, abs=2e-6)
    seen, again = (Features.of(each) for each in (one, other))
    np.testing.assert_array_equal(seen.fill, again.fill)
    assert (seen.widths, again.width) == (again.widths, expected.shape[1])


def test_features_are_those_of_the_pipeline_to_the_bit(tmp_path: Path) -> None:
    fitted, given = tables.fitted(tmp_path, tables.mixed(), "perceptron")
    prepare = fitted.pipeline.named_steps["prepare"]
    names = [column.name for column in fitted.columns if column.kind != "text"]
    known = prepare.named_transformers_["texts"].categories_[0].tolist()
    words = [known.index(w) if w in known else -1 for w in fitted.frame["town"].tolist()]
    numbers = fitted.frame[names].to_numpy(np.float32)
    found = Features.of(prepare).rows(numbers, np.array(words)[:, None])
    np.testing.assert_array_equal(found, prepare.transform(fitted.frame))
    assert len(found) == given.schema.rows


@pytest.mark.parametrize(
    "values",
    [
        [],
        [3.0],
        [1.0, 2.0],
        [-0.0, 0.0, 1e-45, -1e-45],
        [-7.5, 3e38, -3e38, 2.25, 1.0],
        [1.0000001, 1.0000002, 1.0, 1.0000004],
        [0, 1, 1, 0, 1, 0],
        *np.random.default_rng(3).normal(size=(4, 1001)).tolist(),
    ],
)
def test_a_median_of_two_looks_is_exact(values: list[float]) -> None:
    numbers, median = np.array(values, np.float32), Median()
    for look in (median.first, median.second):
        for part in np.array_split(numbers, 3):
            look(part)
    assert median.value == (np.median(numbers) if len(numbers) else 0.0)


def test_moments_of_batches_are_those_of_the_whole() -> None:
    values, found = np.random.default_rng(2).normal(1e6, 3, 1000), Moments()
    for part in np.array_split(values, 7):
        found.add(part)
    found.merge(500, 1e6)
    whole = np.concatenate([values, np.full(500, 1e6)])
    assert (found.count, found.mean) == (1500, pytest.approx(whole.mean()))
    assert found.variance == pytest.approx(whole.var(), rel=1e-9)


def test_every_row_is_in_one_bucket_in_the_order_it_came(tmp_path: Path) -> None:
    layout, rng = Layout(1, 0), np.random.default_rng(5)
    made = Spool(tmp_path, layout, 4)
    everything = np.zeros(1000, layout.dtype)
    everything["target"] = np.arange(1000)
    for part in np.array_split(everything, 3):
        made.deal(part, rng.integers(3, size=len(part)))
    found = [made.read(number)["target"] for number in range(4)]
    assert sorted(np.concatenate(found)) == list(range(1000))
    assert all((np.diff(each) > 0).all() for each in found)
    assert (made.sizes.tolist(), len(found[3])) == ([len(each) for each in found], 0)


@pytest.mark.parametrize("sizes", [(3000, 12), (2, 2), (1, 1, 1), (30, 19, 7)])
def test_some_rows_of_a_rare_class_are_watched_and_never_all(
    tmp_path: Path, sizes: tuple[int, ...]
) -> None:
    target = [name for name, size in zip("abc", sizes, strict=False) for _ in range(size)]
    frame = pl.DataFrame({"x": [float(ord(each)) for each in target], "y": target})
    part = tables.write(tmp_path / "rows", Table(frame, "y"))
    asked = tables.request("linear_svm", class_weight="balanced", epochs=5)
    (tmp_path / "spool").mkdir()
    fitted = streaming.fit(streaming.survey(part, asked), asked, tmp_path / "spool")
    answers = fitted.pipeline.predict(preprocessing.frame(fitted.columns, rows.read(part).cells))
    assert answers.tolist() == target
    trained = np.fromfile(tmp_path / "spool" / "0.rows", Layout(1, 0).dtype)["target"]
    assert set(trained) == set(range(len(sizes)))


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"x": [1.0] * 9 + [1e300], "y": ["a", "b"] * 5}, "(row 10 of this part)"),
        ({"x": [1.0] * 10, "y": ["a"] * 10}, "only a in the training part"),
        ({"label": [1.0] * 10, "y": ["a", "b"] * 5}, "named 'label' cannot be served"),
        ({"y": ["a", "b"] * 5}, "no column but the target 'y'"),
    ],
)
def test_what_cannot_be_learned_is_refused_as_from_memory(
    tmp_path: Path, frame: dict[str, list[object]], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.dataset.BATCH", 4)
    part, tracker = tables.write(tmp_path / "rows", Table(pl.DataFrame(frame), "y")), Tracker()
    with pytest.raises(UsageError) as refused:
        step.run(part, tables.request("perceptron"), tmp_path / "model", tracker, **BATCHED)
    assert words in str(refused.value)
    assert ([path.name for path in tmp_path.iterdir()], tracker.runs) == (["rows"], {})


def test_a_disk_that_is_full_is_told_and_leaves_no_spool(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part, tracker = tables.write(tmp_path / "rows", tables.digits()), Tracker()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(SystemExit), told():
            asked = tables.request("perceptron")
            step.run(part, asked, tmp_path / "model", tracker, **BATCHED)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "make room and run it again" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["rows"]
    assert list(tracker.failed) == ["run of key"]


def test_what_stands_for_all_rows_is_drawn_from_a_bucket(tmp_path: Path) -> None:
    layout = Layout(0, 0)
    made = Spool(tmp_path, layout, 2)
    rows_ = np.zeros(1000, layout.dtype)
    rows_["target"] = np.arange(1000)
    made.deal(rows_, np.zeros(1000, int))
    source = Spooled(made, range(2), lambda part: Part(part["target"], part["target"]))
    assert len(source) == 1000
    some = source.some(50, np.random.default_rng(1)).rows
    assert (len(some), some.max() > 900) == (50, True)
    assert [len(part) for part in source.parts(np.random.default_rng(1))] == [1000]


def test_a_training_that_fails_leaves_no_spool(tmp_path: Path) -> None:
    part, tracker = tables.write(tmp_path / "rows", tables.iris()), Tracker()
    asked = tables.request("mlp", learning_rate=10, optimizer="sgd", activation="relu")
    with pytest.raises(UsageError, match="lower learning_rate"):
        step.run(part, asked, tmp_path / "model", tracker, **BATCHED)
    assert [path.name for path in tmp_path.iterdir()] == ["rows"]
    assert list(tracker.failed) == ["run of key"]
