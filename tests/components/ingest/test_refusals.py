"""What is no table to learn from is refused with one sentence, and nothing is left behind."""

from __future__ import annotations

import gzip
import os
import re
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.csv_bytes import LINE_LIMIT
from components.errors import ColumnError, DataError, MalformedError, UnreadableError
from components.ingest import step
from serving.errors import UsageError

NEWLINE = b"\n"
GOOD = "sepal,petal,species\n5.1,3.5,setosa\n7.0,3.2,virginica\n"


def refusal(directory: Path, uri: str, target: str, drop: tuple[str, ...] = ()) -> DataError:
    """Return the error of an ingest that must fail, after a look at what it left behind."""
    before = sorted(directory.rglob("*"))
    with pytest.raises(DataError) as caught:
        step.run(uri, step.Request(target, drop), directory / "table")
    assert sorted(directory.rglob("*")) == before
    return caught.value


def one_sentence(error: DataError, *parts: str) -> None:
    message = str(error)
    assert "\n" not in message
    assert message.endswith(".")
    assert all(part in message for part in parts), message


@pytest.mark.parametrize(
    ("content", "kind", "parts"),
    [
        (b"", UnreadableError, ["empty", "give a CSV file"]),
        (b" \n\n", UnreadableError, ["empty"]),
        (b"\xef\xbb\xbf", UnreadableError, ["empty"]),
        (b"\xff\xfe", MalformedError, ["blank lines only"]),
        ("\r\n\r\n".encode("utf-16"), MalformedError, ["blank lines only"]),
        (b"sepal,petal,species\n", MalformedError, ["a header only", "add rows"]),
        (b"sepal,petal,species", MalformedError, ["a header only"]),
        (b"sepal,species\n1,setosa\n", MalformedError, ["one row only", "different rows"]),
        (b"sepal,species\n1,setosa\n2,\n", MalformedError, ["one row only"]),
        (b"sepal,species\n1,\n2,\n", ColumnError, ["'species'", "missing in every row", "fill it"]),
        (b"species\na\nb\n", MalformedError, ["one column only", "'species'"]),
        (b"a,b,species\n1,2,x\n1,2\n", MalformedError, ["line 3", "2 cells", "has 3"]),
        (b"a,b,species\n1,2,x\n1,2,x,4\n", MalformedError, ["line 3", "4 cells", "has 3"]),
        (b"a,species\n1,x\n1,2,x\n1\n", MalformedError, ["line 3", "3 cells"]),
        (b'a,b,species\n"1\n",2,x\n\n1,2\n', MalformedError, ["line 5", "2 cells"]),
        (b'a,b,species\n"1","2","x"\n"1","2"\n', MalformedError, ["line 3", "2 cells"]),
        (b'a,species\n"1","x"\n""\n"2","y"\n', MalformedError, ["line 3", "1 cell where"]),
        (b'a,species\n"1",x\n"2,x\n3,y\n', MalformedError, ["line 3", "quote that is not closed"]),
        (b'a,species\n"1",x\n"2"b,x\n', MalformedError, ["line 3", "middle of a cell", '"2"b,x']),
        (b"a,b,a,species\n1,2,3,x\n1,2,3,y\n", ColumnError, ["two columns named 'a'", "number 3"]),
        (b"a, a ,species\n1,2,x\n1,2,y\n", ColumnError, ["two columns named 'a'", "rename one"]),
        (b"a,,species\n0,2,x\n1,2,y\n", ColumnError, ["column 2 has no name", "an index"]),
        (b",species\n0,x\n1,y\n", ColumnError, ["no column left", "the column without a name"]),
        (b"5.1,3.5,setosa\n4.9,3.0,setosa\n", MalformedError, ["no header", "'5.1'"]),
        (b"a,speceis\n1,x\n2,y\n", ColumnError, ["'species'", "did you mean 'speceis'?"]),
        (b"a,Species\n1,x\n2,y\n", ColumnError, ["did you mean 'Species'?"]),
        (
            b"a,species\n1,0.5\n2,1.5\n",
            ColumnError,
            ["'species'", "regression", "--task tabular-regression"],
        ),
        (b"a,species\n1,x\n1e999,y\n2,z\n", ColumnError, ["'a'", "infinite", "--drop 'a'"]),
        (b"a,species\n1,x\n-inf,y\n2,z\n", ColumnError, ["'a'", "infinite", "1 times"]),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", UnreadableError, ["a PNG picture", "export it as CSV"]),
        (gzip.compress(GOOD.encode(), mtime=0)[:-9], UnreadableError, ["gzip", "was cut off"]),
        (b"\x1f\x8b\x08\0" + bytes(200), UnreadableError, ["gzip data is damaged", "again"]),
        (gzip.compress(gzip.compress(b"a", mtime=0), mtime=0), UnreadableError, ["a gzip archive"]),
        (b"\x28\xb5\x2f\xfdxxxxxxx", UnreadableError, ["zstd", "damaged"]),
        (b"PAR1\x15\x04", UnreadableError, ["a Parquet file", "export it as CSV"]),
        (b"PK\x03\x04\x14\0\x06\0", UnreadableError, ["an Excel workbook"]),
        (b"<!DOCTYPE html>\n<html>", UnreadableError, ["an HTML page"]),
        (b"<?xml version='1.0'?><rows/>", UnreadableError, ["an XML file, not a CSV file"]),
        (b'{"a": 1, "species": "x"}\n', UnreadableError, ["a JSON file, not a CSV file"]),
        (b'[\n  {"a": 1, "species": "x"}]', UnreadableError, ["a JSON file, not a CSV file"]),
        (GOOD.encode() + b"1,\0,x\n", UnreadableError, ["a NUL byte at offset 55"]),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_its_reason(
    tmp_path: Path, content: bytes, kind: type[DataError], parts: list[str]
) -> None:
    source = tmp_path / "rows.csv"
    source.write_bytes(content)
    error = refusal(tmp_path, str(source), "species")
    assert type(error) is kind
    one_sentence(error, str(source), *parts)


@pytest.mark.parametrize(
    ("target", "drop", "parts"),
    [
        ("", (), ["no target was given", "--target", "species"]),
        ("species", ("petals",), ["no column 'petals' to drop", "did you mean 'petal'"]),
        ("species", ("species",), ["'species' cannot be dropped"]),
        ("species", ("sepal", "petal"), ["no column left", "'sepal', 'petal'"]),
        ("sepal", (), ["predicting 'sepal' looks like regression"]),
    ],
)
def test_columns_that_do_not_fit_are_refused_with_their_names(
    tmp_path: Path, target: str, drop: tuple[str, ...], parts: list[str]
) -> None:
    source = tmp_path / "rows.csv"
    source.write_text(GOOD)
    one_sentence(refusal(tmp_path, str(source), target, drop), *parts)


def test_a_whole_number_with_thousands_of_values_is_a_quantity(tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text("a,price\n" + "".join(f"1,{price}\n" for price in range(300, 800)))
    one_sentence(refusal(tmp_path, str(source), "price"), "regression", "500 different values")


def folder(directory: Path) -> str:
    (directory / "inside").mkdir()
    return str(directory / "inside")


def missing(directory: Path) -> str:
    (directory / "iris.csv").write_text(GOOD)
    return str(directory / "irsi.csv")


def missing_folder(directory: Path) -> str:
    return str(directory / "nowhere" / "iris.csv")


def pipe(directory: Path) -> str:
    os.mkfifo(directory / "pipe.csv")
    return str(directory / "pipe.csv")


@pytest.mark.parametrize(
    ("place", "parts"),
    [
        (folder, ["a folder without a file", ".csv.gz"]),
        (missing, ["no such file", "did you mean iris.csv"]),
        (missing_folder, ["no such file", "nowhere does not exist"]),
        (pipe, ["neither a file nor a folder"]),
        (lambda _: "", ["no file was given", "--data"]),
    ],
)
def test_a_place_without_a_file_is_refused_with_what_is_there(
    tmp_path: Path, place: Callable[[Path], str], parts: list[str]
) -> None:
    one_sentence(refusal(tmp_path, place(tmp_path), "species"), *parts)


@pytest.mark.parametrize("uri", ["ftp://host/rows.csv", "sftp://host/rows.csv"])
def test_a_scheme_that_is_not_supported_is_named(tmp_path: Path, uri: str) -> None:
    with pytest.raises(UsageError, match=re.escape(uri)):
        step.run(uri, step.Request("y"), tmp_path / "table")
    assert not list(tmp_path.iterdir())


@contextmanager
def somebody_else() -> Iterator[Path]:
    """Yield a folder of a user who is not root: root may read everything."""
    nobody, user = 65534, os.geteuid()
    with tempfile.TemporaryDirectory() as name:
        if user == 0:
            os.chown(name, nobody, nobody)
            os.seteuid(nobody)
        try:
            yield Path(name)
        finally:
            os.seteuid(user)


def test_a_file_that_may_not_be_read_is_refused() -> None:
    with somebody_else() as directory:
        source = directory / "rows.csv"
        source.write_text(GOOD)
        source.chmod(0)
        one_sentence(refusal(directory, str(source), "species"), "Permission denied", "chmod")


def test_a_file_in_a_folder_that_may_not_be_entered_is_refused() -> None:
    with somebody_else() as directory:
        locked = directory / "locked"
        locked.mkdir()
        locked.chmod(0)
        uri = str(locked / "rows.csv")
        one_sentence(refusal(directory, uri, "species"), "Permission denied", "chmod")
        locked.chmod(0o700)


@pytest.mark.thorough
@pytest.mark.parametrize("head", [b"", GOOD.encode(), b"\xff\xfe"])
def test_a_line_without_an_end_is_refused_before_it_is_held(tmp_path: Path, head: bytes) -> None:
    source = tmp_path / "rows.csv"
    with source.open("wb") as file:
        file.write(head)
        # Sparse: much to read, and nothing on the disk.
        file.write(b"7" * (2 * LINE_LIMIT))
        file.truncate(125_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error = refusal(tmp_path, str(source), "species")
    one_sentence(error, f"line {1 + head.count(NEWLINE)} ", "longer than 10,000,000 bytes")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_a_quoted_cell_that_never_ends_is_refused_within_the_limit(tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_bytes(b'a,species\n"1",x\n"' + (b"2" * 1_000 + b",x\n") * 11_000)
    one_sentence(refusal(tmp_path, str(source), "species"), "line 3", "not closed")


def test_a_table_that_stood_there_survives_a_refusal(tmp_path: Path) -> None:
    source, table = tmp_path / "rows.csv", tmp_path / "table"
    source.write_text(GOOD)
    step.run(str(source), step.Request("species"), table)
    before = {path.name: path.read_bytes() for path in table.iterdir()}
    refusal(tmp_path, str(source), "speces")
    assert {path.name: path.read_bytes() for path in table.iterdir()} == before


def test_what_a_killed_step_left_is_replaced(tmp_path: Path) -> None:
    source, table = tmp_path / "rows.csv", tmp_path / "table"
    source.write_text(GOOD)
    (tmp_path / "table.partial" / "scratch").mkdir(parents=True)
    (tmp_path / "table.partial" / "data.parquet").write_bytes(b"half")
    step.run(str(source), step.Request("species"), table)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv", "table"]
    assert sorted(path.name for path in table.iterdir()) == ["data.parquet", "schema.json"]
