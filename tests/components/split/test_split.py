"""Two parts of a table: disjoint, complete, true to the classes, the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import dataset
from components.errors import DataError
from components.split import rules, step
from components.split.rules import Choice
from components.table_schema import TableSchema

shares = st.floats(0.01, 0.99)
seeds = st.integers(0, 2**32 - 1)
label_lists = st.one_of(
    st.lists(st.sampled_from("abc"), min_size=5, max_size=80).filter(
        lambda all_: max(map(all_.count, all_)) > 1
    ),
    st.lists(st.integers(-2, 2), min_size=6, max_size=80),
    st.lists(st.booleans(), min_size=3, max_size=80),
)


@settings(max_examples=80, deadline=None)
@given(label_lists, shares, seeds, st.booleans())
def test_every_class_of_two_rows_is_in_both_parts(
    labels: list[object], share: float, seed: int, stratify: bool
) -> None:
    rows = np.array(labels)
    mask = rules.test_rows(rows, Choice(share, seed, stratify))
    assert mask.shape == rows.shape
    for label in set(labels):
        total, tested = labels.count(label), int(mask[rows == label].sum())
        assert (0 < tested < total) if total > 1 else tested == 0


@settings(max_examples=80, deadline=None)
@given(label_lists, shares, seeds)
def test_a_stratified_part_has_each_class_in_its_share_to_the_row(
    labels: list[object], share: float, seed: int
) -> None:
    rows = np.array(labels)
    mask = rules.test_rows(rows, Choice(share, seed))
    total = min(max(round(len(rows) * share), 1), len(rows) - 1)
    for label in set(labels):
        expected = labels.count(label) * total / len(rows)
        assert abs(mask[rows == label].sum() - expected) <= 1


@settings(max_examples=50, deadline=None)
@given(label_lists, shares, seeds, st.booleans())
def test_the_same_seed_gives_the_same_rows(
    labels: list[object], share: float, seed: int, stratify: bool
) -> None:
    rows, choice = np.array(labels), Choice(share, seed, stratify)
    np.testing.assert_array_equal(rules.test_rows(rows, choice), rules.test_rows(rows, choice))


def test_the_rows_of_a_seed_are_these() -> None:
    # Written down, so that an update of numpy that shuffles differently is noticed.
    labels = np.array(["a", "b"] * 10)
    assert np.flatnonzero(rules.test_rows(labels, Choice(0.3, 42))).tolist() == [
        7,
        9,
        10,
        12,
        14,
        15,
    ]


def test_another_seed_gives_other_rows() -> None:
    labels = np.arange(1_000) % 3
    masks = [rules.test_rows(labels, Choice(0.2, seed)) for seed in range(5)]
    assert len({mask.tobytes() for mask in masks}) == 5


def test_every_row_is_tested_on_equally_often() -> None:
    labels = np.arange(60) % 3
    often = sum(rules.test_rows(labels, Choice(0.25, seed)).astype(int) for seed in range(400))
    assert often.min() > 60  # 100 expected, a standard deviation of 8.7
    assert often.max() < 140


def test_the_split_of_equal_classes_is_exact() -> None:
    labels = np.repeat(["setosa", "versicolor", "virginica"], 50)
    mask = rules.test_rows(labels, Choice(0.2, 7))
    assert [int(mask[labels == label].sum()) for label in np.unique(labels)] == [10, 10, 10]


def test_what_rounding_leaves_over_goes_to_the_largest_remainders() -> None:
    labels = np.repeat(["a", "b", "c"], [50, 30, 21])
    mask = rules.test_rows(labels, Choice(0.2, 7))
    assert [int(mask[labels == label].sum()) for label in "abc"] == [10, 6, 4]


@pytest.mark.parametrize(
    ("rows", "share", "tested"),
    [(20, 0.2, 4), (30, 0.1, 3), (4, 0.2, 1), (100, 0.2, 20), (1000, 0.25, 250)],
)
def test_of_numbers_as_many_rows_are_tested_on_as_were_asked_for(
    rows: int, share: float, tested: int
) -> None:
    choice = Choice(share, 5)
    target = np.random.default_rng(1).normal(size=rows)
    mask = rules.test_rows(rules.strata(target, choice), choice)
    assert int(mask.sum()) == tested


@pytest.mark.parametrize(
    ("labels", "choice", "reason"),
    [
        (["a", "b"] * 5, Choice(0.0, 1), "test_size is 0"),
        (["a", "b"] * 5, Choice(1.0, 1), "test_size is 1"),
        (["a", "b"] * 5, Choice(20.0, 1), "test_size is 20"),
        (["a", "b"] * 5, Choice(float("nan"), 1), "test_size is nan"),
        (["a", "b"] * 5, Choice(0.5, -1), "random_state is -1"),
        (["a", "b", "c"], Choice(0.5, 1), "No class has two of the 3 rows"),
        (["a"], Choice(0.5, 1), "A table of 1 row"),
    ],
)
def test_a_split_that_cannot_be_is_refused_and_writes_nothing(
    tmp_path: Path, labels: list[str], choice: Choice, reason: str
) -> None:
    table = a_table(tmp_path, labels)
    with pytest.raises(DataError, match=reason):
        step.run(table, choice, tmp_path / "train", tmp_path / "test")
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


@pytest.mark.parametrize("stratify", [True, False])
def test_the_parts_together_are_the_table(tmp_path: Path, stratify: bool) -> None:
    table = a_table(tmp_path, [str(row % 3) for row in range(100)])
    parts = step.run(table, Choice(0.25, 3, stratify), tmp_path / "train", tmp_path / "test")
    train, test = (dataset.read_columns(tmp_path / name)["row"] for name in ("train", "test"))
    assert sorted([*train, *test]) == list(range(100))
    assert train.tolist() == sorted(train)
    assert test.tolist() == sorted(test)
    assert (parts.train["rows"], parts.test["rows"]) == (75, 25)
    assert parts.train["sha256"] == dataset.read_schema(tmp_path / "test").sha256 == "0" * 64


def a_table(directory: Path, labels: list[str]) -> Path:
    frame = pl.DataFrame({"row": range(len(labels)), "y": labels})
    schema = TableSchema((), "y", "text", 0, "0" * 64, "rows.csv")
    dataset.write_table(directory / "table", frame, schema)
    return directory / "table"


@pytest.mark.parametrize(
    ("trained_on", "tested_on", "same", "told"),
    [
        ([1, 2, 3], [4, 5], 0, "No test row is also a training row"),
        ([1, 2, None, None], [2, None, 7, 8], 2, "warning: 2 of 4 test rows (50.0%) are also"),
        (list(range(40)), [*range(100, 139), 7], 1, "1 of 40 test rows (2.5%) are also training"),
    ],
)
def test_test_rows_that_are_trained_on_are_counted_and_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    trained_on: list[int | None],
    tested_on: list[int | None],
    same: int,
    told: str,
) -> None:
    schema = TableSchema((), "y", "text", 0, "0" * 64, "rows.csv")
    for name, cells in (("train", trained_on), ("test", tested_on)):
        frame = pl.DataFrame(
            {"n": cells, "y": ["a"] * len(cells)}, schema_overrides={"n": pl.Int64}
        )
        dataset.write_table(tmp_path / name, frame, schema)
    assert step.overlap(tmp_path / "train", tmp_path / "test") == same
    assert capsys.readouterr().out.startswith(f"note: {told}")
