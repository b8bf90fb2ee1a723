"""A table is compared with what the champion learned from: by tables, and with its real files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from components import table_facts
from components.table_schema import TableColumn, TableSchema
from components.validate import drift, step
from components.validate.drift import Known, Seen
from components.validate.finding import Facts, Finding
from serving.signature import Column, Signature
from tests.components import tables

NUMBER = TableColumn("n", "number", 0, 900, 0.0, 100.0)
WORD = TableColumn("w", "text", 0, 3)
MARKS = {str(percent): float(percent) for percent in (0, 1, 5, 25, 50, 75, 95, 99, 100)}
SAME = tuple((float(mark) / 100, float(mark) / 100) for mark in MARKS)
KNOWN = Known(
    "3",
    Signature((Column("n", "number"), Column("w", "text", False, ("a", "b"))), ("no", "yes")),
    1000,
    {
        "n": {"missing": 0.0, "quantiles": MARKS},
        "w": {"missing": 0.0, "top": {"a": 0.7, "b": 0.3}},
    },
)
SEEN = Seen(ranges={"n": SAME}, words={"w": (0.7, 0.3)}, looked=1000)


def facts(*columns: TableColumn, classes: tuple[str, ...] = ("no", "yes")) -> Facts:
    target = TableColumn("y", "text", 0, len(classes))
    schema = TableSchema((*columns, target), "y", "text", 1000, "0" * 64, "rows.csv")
    return Facts(schema, tuple((label, 500) for label in classes), 0, {})


def number_task() -> Facts:
    given = facts(NUMBER, WORD)
    return replace(given, schema=replace(given.schema, target_kind="number"), classes=())


USUAL = facts(NUMBER, WORD)


@pytest.mark.parametrize(
    ("given", "seen", "expected", "words"),
    [
        (USUAL, SEEN, [], ""),
        (
            facts(WORD),
            SEEN,
            [("warning", "column_removed", "n")],
            "'n' (number) is gone; version 3",
        ),
        (
            facts(NUMBER, WORD, TableColumn("z", "boolean", 0, 2)),
            SEEN,
            [("warning", "column_added", "z")],
            "'z' (boolean) is new; the callers of version 3",
        ),
        (
            facts(TableColumn("n", "text", 0, 9), WORD),
            SEEN,
            [("warning", "type_changed", "n")],
            "'n' is text and was number",
        ),
        (
            facts(TableColumn("n", "integer", 0, 9), WORD),
            SEEN,
            [("warning", "type_changed", "n")],
            "'n' is integer and was number",
        ),
        (
            USUAL,
            replace(SEEN, strange={"w": (49, ("c", "d"))}),
            [("note", "new_categories", "w")],
            "does not know ('c', 'd') in 49 rows (4.9%)",
        ),
        (
            USUAL,
            replace(SEEN, strange={"w": (50, ("c",))}),
            [("warning", "new_categories", "w")],
            "('c') in 50 rows (5.0%)",
        ),
        (
            facts(replace(NUMBER, missing=1), WORD),
            SEEN,
            [("note", "missing_changed", "n")],
            "missing in 0.1% of the rows, of those that version 3, which serves, learned from in 0",
        ),
        (
            facts(replace(NUMBER, missing=200), WORD),
            SEEN,
            [("warning", "missing_changed", "n")],
            "missing in 20.0% of the rows",
        ),
        (
            USUAL,
            replace(SEEN, words={"w": (0.4, 0.6)}),
            [("warning", "shifted", "w")],
            "'w' is 'b' in 60.0% of the rows",
        ),
        (USUAL, replace(SEEN, words={"w": (0.6, 0.4)}), [], ""),
        (
            USUAL,
            replace(SEEN, ranges={"n": [(min(1, b + 0.2), min(1, u + 0.2)) for b, u in SAME]}),
            [("warning", "shifted", "n")],
            "'n' is less than",
        ),
        (
            USUAL,
            replace(SEEN, ranges={"n": [(b / 2, u / 2) for b, u in SAME]}),
            [("warning", "shifted", "n")],
            "or less in",
        ),
        # A part of 50 rows may be far off by chance.
        (USUAL, replace(SEEN, words={"w": (0.4, 0.6)}, looked=50), [], ""),
        (
            facts(NUMBER, WORD, classes=("no", "perhaps")),
            SEEN,
            [("warning", "class_added", "y"), ("warning", "class_removed", "y")],
            "does not know, class 'perhaps'",
        ),
        (number_task(), SEEN, [("warning", "other_task", "y")], "tells classes"),
    ],
)
def test_what_is_different_from_the_champion_is_found(
    given: Facts, seen: Seen, expected: list[tuple[str, str, str]], words: str
) -> None:
    found = drift.findings(given, KNOWN, seen)
    assert [(each.level, each.check, each.column) for each in found] == expected
    assert words in " ".join(each.sentence for each in found)
    assert all(each.sentence.endswith(".") for each in found)


def test_whole_numbers_that_get_a_fraction_are_only_noted() -> None:
    known = replace(KNOWN, signature=Signature((Column("n", "integer"),), ("no", "yes")))
    (finding,) = drift.findings(facts(NUMBER), known, SEEN)
    assert (finding.level, finding.check) == ("note", "type_changed")


def test_marks_that_many_rows_share_are_no_drift() -> None:
    """Of 0 in 60 %, 1 in 30 % and 2 in 10 % of the rows, several percentiles are the same mark."""
    cells = np.repeat([0, 1, 2], [600, 300, 100])
    marks = {
        str(percent): float(np.percentile(cells, percent))
        for percent in (0, 1, 5, 25, 50, 75, 95, 99, 100)
    }
    known = replace(KNOWN, baseline={"n": {"quantiles": marks}})
    ranges = table_facts.shares_up_to(pl.Series(cells), sorted(set(marks.values())))
    seen = Seen(ranges={"n": ranges}, looked=1000)
    assert drift.findings(facts(NUMBER), known, seen)[0].check == "column_removed"  # `w` alone
    assert [f.check for f in drift.findings(facts(NUMBER), known, seen) if f.column == "n"] == []


@dataclass(frozen=True)
class Serving:
    """Obeys `components.validate.champion.Champion`."""

    version: str
    uri: str


def checks(found: tuple[Finding, ...]) -> list[tuple[str, str | None]]:
    return [(each.check, each.column) for each in found if "serves" in each.sentence]


def validated(home: Path, rows: pl.DataFrame, champion: Serving) -> tuple[Finding, ...]:
    table = tables.write(home / "table", tables.Table(rows, "left"))
    return step.run(table, home / "report", home / "findings", champion)


def changed(rows: pl.DataFrame) -> pl.DataFrame:
    town = pl.col("town").replace("Izmir", "Van")
    return rows.with_columns(town, pl.col("age") + 60, serial=pl.col("serial").cast(pl.String))


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Serving:
    walked = tables.walk(tmp_path_factory.mktemp("walk"), tables.mixed(), "logistic_regression")
    return Serving("4", str(walked.packaged))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda rows: rows, []),
        (lambda rows: rows.drop("member"), [("column_removed", "member")]),
        (
            changed,
            [
                ("type_changed", "serial"),
                ("new_categories", "town"),
                ("shifted", "age"),
                ("shifted", "town"),
            ],
        ),
    ],
)
def test_the_champions_own_files_say_what_it_learned_from(
    tmp_path: Path, champion: Serving, change: Any, expected: list[tuple[str, str]]
) -> None:
    found = validated(tmp_path, change(tables.mixed().rows), champion)
    assert checks(found) == expected
    page = (tmp_path / "report").read_text()
    assert "type in version 4" in page
    assert all(column in page for _, column in expected)


def test_a_champion_that_cannot_be_read_is_said_and_stops_nothing(tmp_path: Path) -> None:
    champion = Serving("4", str(tmp_path / "gone"))
    (finding, *_) = validated(tmp_path, tables.mixed().rows, champion)
    assert (finding.level, finding.check) == ("warning", "champion_unknown")
    assert "gone does not exist" in finding.sentence


@pytest.mark.parametrize(("name", "asked"), [("", []), ("iris", ["iris"])])
def test_nobody_is_asked_for_the_champion_of_no_name(name: str, asked: list[str]) -> None:
    names: list[str] = []
    assert step.champion_of(name, lambda given: names.append(given)) is None  # type: ignore[func-returns-value]
    assert names == asked
