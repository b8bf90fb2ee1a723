"""A CSV file becomes a table artifact: typed, described, the same bytes every time."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_iris, load_wine

from components import dataset
from components.ingest import step

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"
ROWS = "a,b,flag,y\n1,x,true,1.0\n2,?,false,0\n,z,TRUE,\n4,x,,1\n"


def ingested(directory: Path, text: str, target: str = "y", drop: tuple[str, ...] = ()) -> Path:
    source = directory / "rows.csv"
    source.write_text(text, "utf-8")
    step.run(str(source), step.Request(target, drop), directory / "table")
    return directory / "table"


def test_the_schema_tells_what_the_rows_are(tmp_path: Path) -> None:
    schema = dataset.read_schema(ingested(tmp_path, ROWS))
    assert [
        (column.name, column.kind, column.missing, column.distinct) for column in schema.columns
    ] == [
        ("a", "integer", 0, 3),
        ("b", "text", 1, 1),
        ("flag", "boolean", 1, 2),
        ("y", "integer", 0, 2),
    ]
    assert (schema.column("a").minimum, schema.column("a").maximum) == (1.0, 4.0)
    assert (schema.column("b").minimum, schema.column("flag").maximum) == (None, None)
    assert (schema.target, schema.target_kind, schema.rows) == ("y", "integer", 3)
    assert schema.sha256 == hashlib.sha256(ROWS.encode()).hexdigest()
    assert schema.source == str(tmp_path / "rows.csv")
    assert (schema.delimiter, schema.encoding) == (",", "utf-8")


def test_rows_without_a_target_are_left_out_and_counted(tmp_path: Path) -> None:
    schema = dataset.read_schema(ingested(tmp_path, ROWS))
    assert schema.rows_without_target == 1
    assert dataset.read_target(tmp_path / "table").tolist() == [1, 0, 1]


def test_dropped_columns_are_gone(tmp_path: Path) -> None:
    table = ingested(tmp_path, ROWS, drop=("a", "flag"))
    assert list(dataset.read_columns(table)) == ["b"]


def test_the_answer_is_the_metadata_of_the_artifact(tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text(ROWS, "utf-8")
    answer = step.run(str(source), step.Request("y"), tmp_path / "table")
    assert answer == {"rows": 3, "columns": 4, "sha256": hashlib.sha256(ROWS.encode()).hexdigest()}


@pytest.mark.thorough
def test_the_same_file_gives_the_same_bytes_with_any_number_of_threads(tmp_path: Path) -> None:
    rows = "".join(
        f"{number},{number % 7}.5,w{number % 11},{number % 3}\n" for number in range(30_000)
    )
    first = ingested(tmp_path, f"a,b,c,y\n{rows}")
    code = (
        "import sys; from pathlib import Path; from components.ingest import step; "
        "step.run(sys.argv[1], step.Request('y'), Path(sys.argv[2]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "rows.csv"), str(tmp_path / "again")],
        check=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "POLARS_MAX_THREADS": "1"},
    )
    for name in ("data.parquet", "schema.json"):
        assert (first / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_real_data_comes_back_number_by_number(tmp_path: Path, load: object) -> None:
    frame = load(as_frame=True).frame  # type: ignore[operator]
    table = ingested(tmp_path, frame.to_csv(index=False), target="target")
    columns = dataset.read_columns(table)
    for name in columns:
        assert columns[name].tolist() == frame[name].tolist()
    assert dataset.read_target(table).tolist() == frame["target"].tolist()


@pytest.mark.parametrize(
    ("file", "target", "rows", "kinds"),
    [
        ("iris.csv", "species", 150, {"number": 4, "text": 1}),
        ("penguins.csv", "sex", 333, {"number": 2, "integer": 2, "text": 3}),
        ("titanic.csv", "survived", 891, {"integer": 4, "number": 2, "text": 7, "boolean": 2}),
        ("diamonds.csv", "cut", 53_940, {"number": 6, "integer": 1, "text": 3}),
    ],
)
def test_a_well_known_file_is_read_as_what_it_is(
    tmp_path: Path, file: str, target: str, rows: int, kinds: dict[str, int]
) -> None:
    if not (SHARED / file).is_file():
        pytest.skip(f"{file} is missing: put it into {SHARED}")
    step.run(str(SHARED / file), step.Request(target), tmp_path / "table")
    schema = dataset.read_schema(tmp_path / "table")
    found = [column.kind for column in schema.columns]
    assert schema.rows == rows
    assert {kind: found.count(kind) for kind in set(found)} == kinds


@pytest.mark.parametrize("separator", [",", ";"], ids=["quick", "semicolon"])
def test_a_first_column_without_a_name_is_an_index_that_is_left_out_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], separator: str
) -> None:
    lines = ["", "a", "y"], ["0", "1,5" if separator == ";" else "1.5", "x"], ["1", "2", "z"]
    source = tmp_path / "rows.csv"
    source.write_text("".join(f"{separator.join(line)}\n" for line in lines))
    step.run(str(source), step.Request("y"), tmp_path / "table")
    schema = dataset.read_schema(tmp_path / "table")
    assert [column.name for column in schema.columns] == ["a", "y"]
    assert "no name, so it is an index and left out" in capsys.readouterr().out
