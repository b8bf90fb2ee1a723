"""The table artifact: what is written comes back, as the arrays that models are fed with."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components import dataset, paired, rows
from components.dataset import TableSchema
from components.errors import UnreadableError
from components.solo_scores import accuracies
from components.table_facts import class_counts, duplicate_rows, look
from serving import artifact
from serving.signature import Column, encode
from tests.components import tables

EMPTY = TableSchema(
    columns=(), target="y", target_kind="text", rows=0, sha256="0" * 64, source="rows.csv"
)
FRAME = pl.DataFrame(
    {
        "number": [1.5, None, 3.0],
        "integer": [1, 2, None],
        "whole": [1, 2, 3],
        "flag": [True, None, False],
        "sure": [True, False, True],
        "text": ["a", None, ""],
        "y": ["yes", "no", "yes"],
    }
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    dataset.write_table(tmp_path / "table", FRAME, EMPTY)
    return tmp_path / "table"


def test_a_schema_comes_back_as_it_was_written(table: Path) -> None:
    schema = dataset.read_schema(table)
    assert schema.rows == 3
    assert [column.kind for column in schema.columns] == [
        *("number", "integer", "integer", "boolean", "boolean", "text", "text")
    ]
    assert [column.missing for column in schema.columns] == [1, 1, 0, 1, 0, 1, 0]
    assert TableSchema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
    assert [column.name for column in schema.inputs] == list(FRAME.columns[:-1])


def test_columns_come_back_as_arrays_with_nan_or_none_where_cells_are_missing(table: Path) -> None:
    columns = dataset.read_columns(table)
    assert {name: str(cells.dtype) for name, cells in columns.items()} == {
        "number": "float64",
        "integer": "float64",
        "whole": "int64",
        "flag": "float64",
        "sure": "bool",
        "text": "object",
    }
    np.testing.assert_array_equal(columns["integer"], [1, 2, np.nan])
    np.testing.assert_array_equal(columns["flag"], [1, np.nan, 0])
    assert columns["text"].tolist() == ["a", None, ""]


def test_columns_are_what_a_model_s_encoding_takes(table: Path) -> None:
    inputs = tuple(Column(column.name, column.kind) for column in dataset.read_schema(table).inputs)
    encoded = encode(inputs, dataset.read_columns(table))
    assert {name: cells.shape for name, cells in encoded.items()} == dict.fromkeys(encoded, (3, 1))
    np.testing.assert_array_equal(encoded["flag"][:, 0], np.array([1, np.nan, 0], np.float32))


@pytest.mark.parametrize(
    ("labels", "kind"), [(["b", "a", "b"], "U"), ([2, 1, 2], "i"), ([True, False, True], "b")]
)
def test_the_target_is_an_array_of_its_labels(
    tmp_path: Path, labels: list[object], kind: str
) -> None:
    dataset.write_table(tmp_path / "table", pl.DataFrame({"a": [1, 2, 3], "y": labels}), EMPTY)
    target = dataset.read_target(tmp_path / "table")
    assert target.tolist() == labels
    assert target.dtype.kind == kind


def solo(table: Path) -> dict[str, float]:
    return accuracies(look(table), dataset.read_schema(table))


def taken(table: Path, home: Path) -> TableSchema:
    """Write the first and the third row as a part, the second as another."""
    dataset.split_rows(table, np.array([True, False, True]), (home / "rest", home / "part"))
    return dataset.read_schema(home / "part")


def test_names_that_polars_reads_as_patterns_are_names(tmp_path: Path) -> None:
    frame = pl.DataFrame({"*": [1.0, 2.0, 3.0], "^.*$": [3, 2, 1], "y": ["a", "b", "a"]})
    dataset.write_table(tmp_path / "table", frame, EMPTY)
    assert list(dataset.read_columns(tmp_path / "table")) == ["*", "^.*$"]
    assert dataset.read_schema(tmp_path / "table").column("^.*$").maximum == 3
    schema = taken(tmp_path / "table", tmp_path)
    assert (schema.rows, schema.column("*").maximum) == (2, 3.0)
    assert set(solo(tmp_path / "table")) == {"*", "^.*$"}


def test_taken_rows_keep_their_order_and_are_described_anew(tmp_path: Path, table: Path) -> None:
    schema = taken(table, tmp_path)
    assert schema == dataset.read_schema(tmp_path / "part")
    assert (schema.rows, schema.column("number").missing, schema.sha256) == (2, 0, "0" * 64)
    assert dataset.read_columns(tmp_path / "part")["number"].tolist() == [1.5, 3.0]


def test_a_write_that_fails_leaves_what_was_there(table: Path) -> None:
    before = (table / "data.parquet").read_bytes()
    with pytest.raises(pl.exceptions.PolarsError):
        dataset.write_table(table, FRAME.lazy().select(pl.col("absent")), EMPTY)
    assert (table / "data.parquet").read_bytes() == before
    assert [path.name for path in table.parent.iterdir()] == ["table"]


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"columns": [{}]}'])
def test_a_folder_that_is_no_table_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "schema.json").write_text(content)
    with pytest.raises(UnreadableError, match="not a table artifact"):
        dataset.read_schema(tmp_path)


def test_a_table_without_rows_is_refused(table: Path) -> None:
    (table / "data.parquet").unlink()
    with pytest.raises(UnreadableError, match=r"data\.parquet is missing"):
        dataset.read_columns(table)


def test_a_schema_is_read_without_polars() -> None:
    code = "import components.table_schema, sys; sys.exit('polars' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def facts_table(directory: Path, **columns: list[object]) -> Path:
    dataset.write_table(directory / "facts", pl.DataFrame(columns), EMPTY)
    return directory / "facts"


def test_classes_are_counted_the_most_frequent_first(tmp_path: Path) -> None:
    table = facts_table(tmp_path, a=[1] * 6, y=["b", "a", "c", "b", "a", "b"])
    assert class_counts(table) == (("b", 3), ("a", 2), ("c", 1))


def test_rows_that_are_the_same_as_one_above_are_duplicates(tmp_path: Path) -> None:
    table = facts_table(
        tmp_path, a=[1, 1, 1, None, None], t=["x", "x", None, "x", "x"], y=["a"] * 5
    )
    assert duplicate_rows(table) == 2


def test_a_column_alone_tells_what_the_others_with_its_value_are(tmp_path: Path) -> None:
    labels = ["a", "b"] * 100
    table = facts_table(
        tmp_path,
        same=[f"is {label}" for label in labels],
        unique=[f"row {row}" for row in range(200)],
        constant=["x"] * 200,
        # 1 of 4 values of "b" says "a".
        mostly=["x" if label == "a" or row % 8 == 1 else "y" for row, label in enumerate(labels)],
        ordered=[float(row if label == "a" else row + 10_000) for row, label in enumerate(labels)],
        missing=[None if label == "a" else 1 for label in labels],
        y=labels,
    )
    assert solo(table) == pytest.approx(
        {"same": 1, "unique": 0, "constant": 0, "mostly": 0.875, "ordered": 1, "missing": 1}
    )


def test_batches_are_the_table_in_order_and_columns_are_named_exactly(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "a": range(7),
            "a.b": ["x", None] * 3 + ["y"],
            "^.*$": [None, 1.5] * 3 + [None],
            "*": [None, 2] * 3 + [None],
            "^y$": [True] * 7,
        }
    )
    schema = replace(EMPTY, target="^y$", target_kind="boolean")
    dataset.write_table(tmp_path / "table", frame, schema)
    found = list(dataset.batches(tmp_path / "table", ["a.b", "a"], 3))
    assert [list(cells) for cells in found] == [["a.b", "a"]] * 3
    assert [cells["a"].tolist() for cells in found] == [[0, 1, 2], [3, 4, 5], [6]]
    assert found[2]["a.b"].tolist() == ["y"]
    whole = dataset.read_columns(tmp_path / "table")
    np.testing.assert_array_equal(whole["^.*$"], [np.nan, 1.5] * 3 + [np.nan])
    np.testing.assert_array_equal(whole["*"], [np.nan, 2] * 3 + [np.nan])
    described = dataset.read_schema(tmp_path / "table").columns
    assert [column.missing for column in described] == [0, 3, 4, 4, 0]
    assert [column.distinct for column in described] == [7, 2, 1, 1, 1]
    assert dataset.read_target(tmp_path / "table").tolist() == [True] * 7


@pytest.mark.parametrize(
    ("labels", "codes"),
    [
        (["b", "Ş", "a", "b"], [1, 2, 0, 1]),
        ([30, -2, 30], [30, -2, 30]),
        ([True, False], [1, 0]),
    ],
)
def test_classes_are_places_among_the_sorted_words_or_the_numbers(
    tmp_path: Path, labels: list[object], codes: list[int]
) -> None:
    dataset.write_table(tmp_path / "table", pl.DataFrame({"a": labels, "y": labels}), EMPTY)
    assert dataset.read_classes(tmp_path / "table").tolist() == codes


def test_a_part_of_a_large_table_is_drawn_over_all_of_it_and_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "LEAST_ROWS", 100)
    monkeypatch.setattr(rows, "MOST_CELLS", 2000)  # of which a row takes 1 + 3 + 2 * 3
    monkeypatch.setattr(dataset, "BATCH", 64)
    frame = pl.DataFrame({"n": range(1000), "y": ["even", "odd"] * 500})
    dataset.write_table(tmp_path / "table", frame, EMPTY)
    first, again = (rows.part(tmp_path / "table") for _ in range(2))
    numbers = first.cells["n"]
    assert (len(numbers), len(set(numbers)), first.schema.rows) == (200, 200, 1000)
    assert numbers.tolist() == sorted(numbers) == again.cells["n"].tolist()
    assert 350 < numbers.mean() < 650
    assert first.labels.tolist() == ["odd" if n % 2 else "even" for n in numbers]
    assert first.told == "200 of 1,000 (drawn over all of them)"
    monkeypatch.setattr(rows, "MOST_CELLS", 10_000)
    assert rows.part(tmp_path / "table").told == "1,000"


@pytest.mark.e2e  # trains, evaluates and packages
def test_evaluation_packaging_and_the_gate_look_at_the_same_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rows, "LEAST_ROWS", 20)
    monkeypatch.setattr(rows, "MOST_CELLS", 0)
    walked = tables.walk(tmp_path, tables.iris(), "logistic_regression")
    assert walked.judged.evaluation.rows == 20
    assert "asked about test rows: 20 of 37 (drawn over all of them)" in capsys.readouterr().out
    labels = np.array(walked.judged.answers.labels)
    part = rows.part(walked.test)
    answers = paired.read(walked.evaluation).candidate
    assert labels[answers.truth].tolist() == part.labels.tolist()
    assert artifact.read_baseline(walked.packaged)["rows"] == 20
    assert {len(cells) for cells in part.cells.values()} == {20}


def test_a_wide_table_is_described_without_reading_what_it_says_of_all_columns_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow.parquet as pq

    opened: list[Path] = []
    read = pq.ParquetFile
    monkeypatch.setattr(
        pq, "ParquetFile", lambda path, **more: opened.append(path) or read(path, **more)
    )
    cells = {f"n{place}": [1.0, 2.0] for place in range(40)}
    words = {f"t{place}": ["a", None] for place in range(40)}
    frame = pl.DataFrame({**cells, **words, "y": ["a", "b"]})
    dataset.write_table(tmp_path / "table", frame, EMPTY)
    found = dataset.read_schema(tmp_path / "table").columns
    assert [column.name for column in found] == frame.columns
    assert {column.missing for column in found[40:80]} == {1}
    assert len(opened) == dataset.DESCRIBED


@pytest.mark.parametrize(
    ("cells", "missing", "distinct", "ends"),
    [
        ([None, 2.5, -1.0, 2.5], 1, 2, (-1.0, 2.5)),
        ([None, None], 2, 0, (None, None)),
        ([7, 7, 7], 0, 1, (7.0, 7.0)),
        ([0.0, -0.0, 1e300], 0, 2, (0.0, 1e300)),
        (["b", None, "b"], 1, 1, (None, None)),
    ],
)
def test_a_column_is_described_by_its_cells(
    tmp_path: Path, cells: list[object], missing: int, distinct: int, ends: tuple[object, object]
) -> None:
    frame = pl.DataFrame({"a": cells, "y": ["a"] * len(cells)}, strict=False)
    if not any(cell is not None for cell in cells):
        frame = frame.with_columns(pl.col("a").cast(pl.Float64))
    dataset.write_table(tmp_path / "table", frame, EMPTY)
    found = dataset.read_schema(tmp_path / "table").column("a")
    assert (found.missing, found.distinct) == (missing, distinct)
    assert (found.minimum, found.maximum) == ends
