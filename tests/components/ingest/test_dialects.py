"""Real-world CSV: whatever a spreadsheet, a database or a script writes reads as the same table."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components import dataset
from components.csv_columns import MISSING_WORDS
from components.errors import ColumnError
from components.ingest import step

PLAIN = "city,age,score,y\nAnkara,34,1.5,a\nİzmir,28,2.25,b\nMuğla,40,-3,a\n"
CELLS = {"city": ["Ankara", "İzmir", "Muğla"], "age": [34, 28, 40], "score": [1.5, 2.25, -3.0]}


def read(directory: Path, content: bytes, target: str = "y") -> dict[str, list[object]]:
    """Return the columns of a table that was ingested from these bytes, missing cells as None."""
    source, table = directory / "rows.csv", directory / "table"
    source.write_bytes(content)
    step.run(str(source), step.Request(target), table)
    frame = dataset.scan_table(table).collect()
    return {series.name: series.to_list() for series in frame.iter_columns()}


def decimal_comma(text: str) -> str:
    return text.replace(",", ";").replace(".", ",")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("comma, UTF-8", PLAIN.encode()),
        ("no newline at the end", PLAIN.rstrip("\n").encode()),
        ("CRLF", PLAIN.replace("\n", "\r\n").encode()),
        ("old Macintosh: CR alone", PLAIN.replace("\n", "\r").encode()),
        ("semicolon", PLAIN.replace(",", ";").encode()),
        ("semicolon and decimal comma", decimal_comma(PLAIN).encode()),
        ("tab", PLAIN.replace(",", "\t").encode()),
        ("tab and decimal comma", PLAIN.replace(",", "\t").replace(".", ",").encode()),
        ("bar", PLAIN.replace(",", "|").encode()),
        ("sep= line of a spreadsheet", b"sep=;\r\n" + decimal_comma(PLAIN).encode()),
        ("a space behind each comma", PLAIN.replace(",", ", ").encode()),
        ("UTF-8 with a byte order mark", PLAIN.encode("utf-8-sig")),
        ("byte order mark and quotes", b'\xef\xbb\xbf"city' + b'"' + PLAIN.encode()[4:]),
        ("UTF-16 with a byte order mark", PLAIN.encode("utf-16")),
        ("UTF-32 with a byte order mark", PLAIN.encode("utf-32")),
        ("UTF-16 little endian", PLAIN.encode("utf-16-le")),
        ("UTF-16 big endian", PLAIN.encode("utf-16-be")),
        ("UTF-16 tabs, as a spreadsheet's Unicode text", PLAIN.replace(",", "\t").encode("utf-16")),
        ("Windows-1254", PLAIN.encode("cp1254")),
        ("blank lines", ("\n" + PLAIN.replace("\n", "\n\n") + "\n \n").encode()),
        ("blank lines, CRLF", ("\r\n" + PLAIN.replace("\n", "\r\n\r\n")).encode()),
        (
            "everything quoted",
            ('"' + PLAIN[:-1].replace(",", '","').replace("\n", '"\n"') + '"').encode(),
        ),
    ],
)
def test_the_same_table_in_any_dialect_reads_the_same(
    tmp_path: Path, name: str, content: bytes
) -> None:
    assert read(tmp_path, content) == {**CELLS, "y": ["a", "b", "a"]}


@pytest.mark.parametrize(
    ("encoding", "cells"),
    [
        ("cp1254", ["Şırnak", "Ağrı", "Çeşme"]),
        ("cp1254", ["ş", "x", "x"]),
        ("latin-1", ["François", "Málaga", "Köln"]),
        ("latin-1", ["é", "x", "x"]),
        ("cp1252", ["5 €", "naïve", "“so”"]),
        ("cp1251", ["Москва", "Казань", "Ольга"]),
        ("cp1250", ["Łódź", "gęślą", "Zażółć"]),
    ],
)
def test_text_that_is_not_utf_8_is_read_in_its_encoding(
    tmp_path: Path, encoding: str, cells: list[str]
) -> None:
    text = "name,y\n" + "".join(f"{cell},{place % 2}\n" for place, cell in enumerate(cells))
    assert read(tmp_path, text.encode(encoding))["name"] == cells


def test_a_strange_letter_late_in_a_long_file_is_found(tmp_path: Path) -> None:
    rows = ["plain,a"] * 100_000 + ["Şırnak,b", "Ağrı,b"]
    assert read(tmp_path, ("name,y\n" + "\n".join(rows)).encode("cp1254"))["name"][-2:] == [
        "Şırnak",
        "Ağrı",
    ]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2", "-3"], [1, 2, -3]),
        (["1", "", "+3"], [1, None, 3]),
        ([" 1", "2 ", "3"], [1, 2, 3]),
        (["1.0", "2", "3"], [1.0, 2.0, 3.0]),
        (["1e3", ".5", "2."], [1000.0, 0.5, 2.0]),
        (["true", "FALSE", "True"], [True, False, True]),
        (["true", "?", "False"], [True, None, False]),
        (["0", "1", "1"], [0, 1, 1]),
        (["yes", "no", "no"], ["yes", "no", "no"]),
        (["true", "1", "0"], ["true", "1", "0"]),
        (["007", "12", "13"], ["007", "12", "13"]),
        (["0", "0.5", "-0.25"], [0.0, 0.5, -0.25]),
        (["12345678901234567890", "1", "2"], ["12345678901234567890", "1", "2"]),
        (["1234567890123456789", "1", "2"], ["1234567890123456789", "1", "2"]),
        (["123456789012345678", "1", "2"], [123456789012345678, 1, 2]),
        (["1_000", "1", "2"], ["1_000", "1", "2"]),
        (["0x1f", "1", "2"], ["0x1f", "1", "2"]),
        (["a", "inf", "2"], ["a", "inf", "2"]),
        (["2024-01-31", "2024-02-01", "NA"], ["2024-01-31", "2024-02-01", None]),
        (["x", " kept ", "y"], ["x", " kept ", "y"]),
        (["'x'", "y", "z"], ["'x'", "y", "z"]),
        ([r"\N", "back\\", "z"], [r"\N", "back\\", "z"]),
    ],
)
def test_the_kind_of_a_column_is_the_narrowest_that_every_cell_has(
    tmp_path: Path, cells: list[str], expected: list[object]
) -> None:
    text = "c,y\n" + "".join(f"{cell},{'ab'[place % 2]}\n" for place, cell in enumerate(cells))
    found = read(tmp_path, text.encode())["c"]
    assert found == expected
    assert [type(cell) for cell in found] == [type(cell) for cell in expected]


@pytest.mark.parametrize(
    "word", [*MISSING_WORDS, "na", "nan", "NULL", "NONE", "  ", " NA ", '"NA"']
)
def test_a_word_for_missing_is_missing_in_any_column(tmp_path: Path, word: str) -> None:
    columns = read(tmp_path, f"n,t,y\n1,x,a\n{word},{word},b\n3,z,a\n".encode())
    assert columns["n"] == [1, None, 3]
    assert columns["t"] == ["x", None, "z"]


def test_one_cell_at_the_very_end_decides_the_kind_of_a_long_column(tmp_path: Path) -> None:
    rows = "".join(f"{number},a\n" for number in range(50_000))
    assert read(tmp_path, f"c,y\n{rows}n/k,b\n".encode())["c"][-1] == "n/k"


@pytest.mark.parametrize("cell", ["1.234,5", "1.234"])
def test_a_point_among_decimal_commas_is_not_guessed_at(tmp_path: Path, cell: str) -> None:
    columns = read(tmp_path, f"c;y\n1,5;a\n{cell};b\n".encode())
    assert columns["c"] == ["1,5", cell]


def test_a_thousands_comma_in_quotes_stays_text(tmp_path: Path) -> None:
    assert read(tmp_path, b'c,y\n"1,234",a\n"5,678",b\n')["c"] == ["1,234", "5,678"]


def test_quotes_hold_separators_newlines_and_doubled_quotes(tmp_path: Path) -> None:
    content = b'"a ""b""\nc",y\r\n"one\r\ntwo, ""three""",1\r\n"",0\r\n'
    assert read(tmp_path, content) == {'a "b"\nc': ['one\r\ntwo, "three"', None], "y": [1, 0]}


def test_a_target_with_decimal_commas_is_whole_or_refused(tmp_path: Path) -> None:
    assert read(tmp_path, b"a;y\n1;1,0\n2;0,0\n")["y"] == [1, 0]
    with pytest.raises(ColumnError, match="regression"):
        read(tmp_path, b"a;y\n1;1,5\n2;0,0\n")


def test_inches_are_no_quotes(tmp_path: Path) -> None:
    assert read(tmp_path, b"height,y\n5'11\",a\n6'2\",b\n")["height"] == ["5'11\"", "6'2\""]


def test_quoted_cells_across_the_pieces_that_are_read_keep_the_rows_together(
    tmp_path: Path,
) -> None:
    cell = '"' + "x,\n" * 2_000 + '"'
    columns = read(tmp_path, ("c,y\n" + f"{cell},a\n{cell},b\n" * 80).encode())
    assert columns["c"] == ["x,\n" * 2_000] * 160


def test_names_that_an_engine_would_read_as_patterns_are_names(tmp_path: Path) -> None:
    columns = read(tmp_path, b"*,^y.*$,y,__index\n1,2,0,3\n4,5,1,6\n")
    assert columns == {"*": [1, 4], "^y.*$": [2, 5], "y": [0, 1], "__index": [3, 6]}


def test_a_file_name_that_looks_like_a_pattern_is_a_name(tmp_path: Path) -> None:
    folder = tmp_path / "[2024] *?"
    folder.mkdir()
    assert read(folder, PLAIN.encode())["age"] == [34, 28, 40]


def test_a_file_uri_is_read_like_a_path(tmp_path: Path) -> None:
    source = tmp_path / "my rows.csv"
    source.write_text(PLAIN, "utf-8")
    assert step.run(source.as_uri(), step.Request("y"), tmp_path / "table")["rows"] == 3


cell_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
tables = st.integers(2, 4).flatmap(
    lambda width: st.lists(
        st.lists(cell_texts, min_size=width, max_size=width), min_size=2, max_size=6
    )
)


def text_or_missing(cell: str) -> str | None:
    words = {word.casefold() for word in MISSING_WORDS}
    return None if cell.strip().casefold() in words else cell


def rfc_4180_line(row: list[str], separator: str, quote_all: bool) -> str:
    """Return the row as text; unlike the csv module, a lone CR is put in quotes as well."""
    special = {separator, '"', "\r", "\n"}
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in row]
    return separator.join(
        quotes if quote_all or special & set(cell) else cell
        for cell, quotes in zip(row, quoted, strict=True)
    )


@pytest.mark.thorough
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tables, st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_any_file_that_follows_rfc_4180_comes_back_cell_by_cell(
    tmp_path: Path, rows: list[list[str]], separator: str, line_end: str, quote_all: bool
) -> None:
    # "t" in front makes every cell of these columns text; what is asked here is the cells.
    texts = [["t" + cell for cell in row] for row in rows]
    names = [f"c{place}" for place in range(len(rows[0]))]
    lines = [[*names, "y"], *([*row, "a"] for row in texts)]
    text = line_end.join(rfc_4180_line(line, separator, quote_all) for line in lines)
    columns = read(tmp_path, text.encode("utf-8"))
    assert columns == {
        **{name: [row[place] for row in texts] for place, name in enumerate(names)},
        "y": ["a"] * len(rows),
    }


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6), min_size=1))
def test_a_text_cell_is_kept_as_it_is_or_missing(tmp_path: Path, texts: list[str]) -> None:
    # The first cell keeps the column text, whatever the others look like.
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows(
        [["c", "y"], ["text", "a"], *([t, "b"] for t in texts)]
    )
    found = read(tmp_path, file.getvalue().encode("utf-8"))["c"]
    assert found == ["text", *map(text_or_missing, texts)]
