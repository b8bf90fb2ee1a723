"""One pass gives the same table as a look at every cell, or leaves the text to that."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components import dataset
from components.errors import DataError
from components.ingest import quick, step, thorough
from components.ingest.rules import Request
from components.ingest.sources import Source

ROWS = "a,b,y\n" + "".join(f"{n},w{n % 3},{n % 2}\n" for n in range(200))


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        packed.write(content)
    return bytes(sink.getvalue())


def told(directory: Path, read: Callable[[Path], object]) -> object:
    """Return the rows, their types and all that is known of them; or what was wrong."""
    directory.mkdir()
    try:
        found = read(directory)
    except DataError as error:
        return type(error)
    schema = dataset.describe(directory, found.schema("here"))  # type: ignore[attr-defined]
    return schema, dataset.scan_table(directory).collect().to_dicts()


def both(directory: Path, content: bytes) -> tuple[object, object]:
    source = directory / "rows.csv"
    source.write_bytes(content)
    one, request = [Source(source)], Request("y")
    closely = told(directory / "closely", lambda to: thorough.read(one, request, to, directory))
    try:
        quickly = told(
            directory / "quickly", lambda to: quick.read(one, request, to, lambda _: None)
        )
    except quick.Closer:
        return closely, closely
    # What is refused is looked at closely as well.
    return closely if isinstance(quickly, type) else quickly, closely


cells = st.one_of(
    st.integers(-5, 5).map(str),
    st.floats(allow_nan=True).map(str),
    st.sampled_from(["", "NA", "nan", "-nan", "true", "FALSE", "007", "-00", "0.5", "1.0", " 3 "]),
    st.sampled_from(["+7", "1e5", "1e19", "12345678901234567890", "x", '"1"', '"a\nb"', '"0,5"']),
)


@pytest.mark.thorough
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(cells, cells, st.sampled_from(["0", "1", "1.0", ""])), min_size=2, max_size=12
    ),
    st.integers(0, 9),
    st.sampled_from(["\n", "\r\n", "\n\n"]),
)
def test_one_pass_gives_what_a_look_at_every_cell_gives(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, ...]],
    head: int,
    end: str,
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(quick, "PIECE", 40)
        patched.setattr(quick, "HEAD", 10 * head + 1)
        lines = [",".join(row) for row in [("a", "b", "y"), *rows]]
        home = tmp_path_factory.mktemp("home")
        quickly, closely = both(home, (end.join(lines) + end).encode())
    assert repr(quickly) == repr(closely)  # NaN is not NaN


@pytest.mark.parametrize(
    ("late", "expected"),
    [("2.5", 2.5), ("n/k", "n/k"), ("007", "007"), (" 8 ", 8), ("", None), ("1e3", 1000.0)],
)
def test_a_cell_in_a_late_piece_decides_the_kind_in_a_second_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: str, expected: object
) -> None:
    monkeypatch.setattr(quick, "PIECE", 500)
    monkeypatch.setattr(quick, "HEAD", 100)
    monkeypatch.setattr(thorough, "read", None)  # nobody is to ask it
    source = tmp_path / "rows.csv"
    source.write_text(f"{ROWS}{late},w0,1\n")
    step.run(str(source), Request("y"), tmp_path / "table")
    found = dataset.scan_table(tmp_path / "table").collect()["a"].to_list()[-1]
    assert (found, type(found)) == (expected, type(expected))


def test_rows_without_a_cell_are_named_by_their_line_in_a_late_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick, "PIECE", 500)
    source = tmp_path / "rows.csv"
    source.write_text(f"{ROWS}1,w\n")
    with pytest.raises(DataError, match="line 202 has 2 cells where the header has 3"):
        step.run(str(source), Request("y"), tmp_path / "table")


@pytest.mark.parametrize("name", ["many", "many/*.csv*", "many/**/*", "rows.csv.gz", "rows.zst"])
def test_packed_files_and_many_files_are_the_same_table(tmp_path: Path, name: str) -> None:
    lines = ROWS.splitlines(keepends=True)
    (tmp_path / "many").mkdir()
    (tmp_path / "many/1.csv").write_text("".join(lines[:50]))
    (tmp_path / "many/2.csv.gz").write_bytes(
        gzip.compress("".join(["\ufeff", lines[0], *lines[50:99]]).encode())
    )
    (tmp_path / "many/3.csv.zst").write_bytes(zstd("".join([lines[0], *lines[99:]]).encode()))
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(ROWS.encode()))
    (tmp_path / "rows.zst").write_bytes(zstd(ROWS.encode()))
    (tmp_path / "rows.csv").write_text(ROWS)
    step.run(str(tmp_path / "rows.csv"), Request("y"), tmp_path / "plain")
    step.run(str(tmp_path / name), Request("y"), tmp_path / "table")
    one, other = (dataset.scan_table(tmp_path / each).collect() for each in ("plain", "table"))
    assert one.equals(other)


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ("a,y,b\n1,2,3\n", "2.csv has other columns than 1.csv (in another order)"),
        ("a,b\n1,2\n", "2.csv has other columns than 1.csv ('y' is missing)"),
        ("a,b,y,z\n1,2,3,4\n", "2.csv has other columns than 1.csv ('z' is new)"),
        ("a,b,y\n1,2\n", "2.csv: line 2 has 2 cells where the header has 3"),
        ("", "2.csv: it is empty"),
    ],
)
def test_files_that_do_not_belong_together_are_told_apart_by_name(
    tmp_path: Path, second: str, reason: str
) -> None:
    (tmp_path / "1.csv").write_text(ROWS)
    (tmp_path / "2.csv").write_text(second)
    with pytest.raises(DataError) as caught:
        step.run(str(tmp_path), Request("y"), tmp_path / "table")
    assert reason in str(caught.value)


def test_many_files_in_many_encodings_are_read(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b,y\n1,Muş,1\n", "cp1254")
    (tmp_path / "2.csv").write_text("a;b;y\n2;Ağrı;0\n", "utf-16")
    step.run(str(tmp_path), Request("y"), tmp_path / "table")
    assert dataset.read_columns(tmp_path / "table")["b"].tolist() == ["Muş", "Ağrı"]


@pytest.mark.parametrize("block", [1, 2, 3, 5, 64])
@pytest.mark.parametrize(("cell", "kind"), [("007", "text"), ("-01", "text"), ("100", "integer")])
def test_a_code_is_found_wherever_the_bytes_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, cell: str, kind: str
) -> None:
    monkeypatch.setattr("components.csv_batches.BLOCK", block)
    rows = "".join(f"{n % 9 + 1},{n % 2}\n" for n in range(20))
    (tmp_path / "rows.csv").write_text(f"a,y\n{rows}{cell},1\n{rows}")
    step.run(str(tmp_path / "rows.csv"), Request("y"), tmp_path / "table")
    assert dataset.read_schema(tmp_path / "table").column("a").kind == kind
