"""Facts in, findings out; the step writes both reports and stops on errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from components import dataset, table_facts
from components.errors import FindingsError
from components.report import html
from components.table_schema import TableColumn, TableSchema
from components.validate import report, rules, step
from components.validate.finding import Facts

GOOD = TableColumn("a", "number", missing=0, distinct=90, minimum=0.0, maximum=1.0)
TARGET = TableColumn("y", "text", missing=0, distinct=2)


def facts(*columns: TableColumn, **changes: Any) -> Facts:
    schema = TableSchema(
        columns=(*columns, TARGET),
        target="y",
        target_kind="text",
        rows=changes.pop("rows", 100),
        sha256="0" * 64,
        source="rows.csv",
        rows_without_target=changes.pop("rows_without_target", 0),
    )
    usual = {"classes": (("no", 60), ("yes", 40)), "duplicates": 0, "solo": {"a": 0.7}}
    return Facts(schema, **{**usual, **changes})


def text(name: str, distinct: int, missing: int = 0) -> TableColumn:
    return TableColumn(name, "text", missing, distinct)


def count(name: str, minimum: float, maximum: float, distinct: int = 100) -> TableColumn:
    return TableColumn(name, "integer", 0, distinct, minimum, maximum)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (facts(GOOD), []),
        (facts(text("t", 0, missing=100)), [("error", "all_missing", "t")]),
        (facts(GOOD, classes=(("no", 100),)), [("error", "single_class", "y")]),
        (
            facts(GOOD, classes=(("no", 50), ("x", 49), ("yes", 1))),
            [("error", "rare_class", "y"), ("warning", "imbalance", "y")],
        ),
        (facts(text("t", 1)), [("warning", "constant", "t")]),
        (facts(text("t", 1, missing=10)), []),
        (facts(text("t", 100)), [("warning", "id_like", "t")]),
        (facts(text("t", 95)), [("warning", "id_like", "t")]),
        (facts(text("t", 94)), []),
        (facts(text("t", 10, missing=81)), [("warning", "missing", "t")]),
        (facts(count("n", 1, 100)), [("warning", "id_like", "n")]),
        (facts(count("n", 1, 500)), []),
        (facts(count("n", 1, 100, distinct=99)), []),
        (facts(text("t", 5, missing=19)), []),
        (facts(text("t", 5, missing=20)), [("note", "missing", "t")]),
        (facts(text("t", 5, missing=50)), [("warning", "missing", "t")]),
        (facts(GOOD, classes=(("no", 90), ("yes", 10))), []),
        (
            facts(GOOD, classes=(("no", 91), ("yes", 9))),
            [("warning", "few_rows", "y"), ("warning", "imbalance", "y")],
        ),
        (facts(GOOD, duplicates=4), [("note", "duplicates", None)]),
        (facts(GOOD, duplicates=5), [("warning", "duplicates", None)]),
        (facts(GOOD, solo={"a": 0.991}), []),
        (facts(GOOD, solo={"a": 0.992}), [("warning", "leakage", "a")]),
        (
            facts(GOOD, solo={"a": 0.97}, classes=(("no", 95), ("yes", 5))),
            [("warning", "few_rows", "y"), ("warning", "imbalance", "y")],
        ),
        (facts(count("customer_id", 7, 500)), [("warning", "id_like", "customer_id")]),
        (facts(count("orderId", 7, 500)), [("warning", "id_like", "orderId")]),
        (facts(count("paid", 7, 500)), []),
        (facts(text("t", 94)), []),
        (facts(GOOD, classes=(("no", 4), ("yes", 4))), [("warning", "few_rows", "y")]),
        *(
            (facts(text("t", 100), top={"t": (date, 0.01)}), [("warning", "dates", "t")])
            for date in ("2026-11-21", "21.11.2026", "11/21/26", "2026-11-21T10:00:00Z")
        ),
        (facts(text("t", 9), top={"t": ("1.2.3", 0.01)}), []),
        *(
            (facts(text("t", 9), top={"t": (cell, 0.1)}), [("warning", "signed_numbers", "t")])
            for cell in ("$9.90", "12 %", "1.200,50 TL", "1,234", "€-3")
        ),
        *((facts(text("t", 9), top={"t": (cell, 0.1)}), []) for cell in ("A1", "12 apples", "007")),
        (facts(text("t", 9), top={"t": ("10-12-15-20", 0.01)}), []),
        (facts(text("t", 101), rows=1000), [("note", "many_words", "t")]),
        (facts(text("t", 100), rows=1000), []),
        (facts(text("t", 2), top={"t": ("x", 0.995)}), [("note", "nearly_constant", "t")]),
        (facts(text("t", 2), top={"t": ("x", 0.99)}), []),
        (facts(text("t", 3), text("u", 3), twins=(("t", "u"),)), [("note", "twins", "t")]),
        (facts(text("t", 3), spellings={"t": (("X", "x"),)}), [("note", "spelling", "t")]),
        (facts(GOOD, spellings={"y": (("No", "no"),)}), [("warning", "spelling", "y")]),
        (facts(GOOD, rows_without_target=3), [("note", "missing_target", "y")]),
    ],
)
def test_a_table_is_found_to_be_what_its_numbers_say(
    given: Facts, expected: list[tuple[str, str, str | None]]
) -> None:
    found = rules.findings(given)
    assert [(finding.level, finding.check, finding.column) for finding in found] == expected
    for finding in found:
        assert finding.sentence.endswith(".")
        assert finding.numbers


def quantity(distinct: int = 90, **changes: Any) -> Facts:
    """Of a target that is a number."""
    given = facts(GOOD, **changes)
    target = TableColumn("y", "number", 0, distinct, 3.0, 3.0 if distinct == 1 else 9.0)
    schema = replace(given.schema, columns=(GOOD, target), target_kind="number")
    return replace(given, schema=schema, classes=())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (quantity(), []),
        (quantity(solo={"a": 0.97}), []),
        (quantity(solo={"a": 0.98}), [("warning", "leakage", "a")]),
        (quantity(top={"y": (0.0, 0.49)}), []),
        (quantity(top={"y": (0.0, 0.5)}), [("warning", "concentrated", "y")]),
        (quantity(distinct=1, top={"y": (3.0, 1.0)}), [("error", "constant_target", "y")]),
    ],
)
def test_a_target_that_is_a_number_has_its_own_rules(
    given: Facts, expected: list[tuple[str, str, str | None]]
) -> None:
    found = rules.findings(given)
    assert [(finding.level, finding.check, finding.column) for finding in found] == expected
    assert "R²" in html(report.report(given, found))


def test_a_log_and_an_error_name_ten_and_count_the_rest() -> None:
    found = rules.findings(facts(*(text(f"t{n}", 0, missing=100) for n in range(12))))
    assert len(found) == 12
    sentence = rules.errors_in_one_sentence(found)
    assert sentence is not None
    assert "'t9' is missing" in sentence
    assert sentence.endswith("; 2 more errors are in the report.")
    told = rules.warnings_to_tell(rules.findings(facts(*(text(f"t{n}", 1) for n in range(11)))))
    assert (len(told), told[-1]) == (11, "1 more warning is in the report")


def test_findings_carry_their_numbers_and_the_remedy() -> None:
    (leak,) = rules.findings(facts(GOOD, solo={"a": 1.0}))
    assert leak.numbers == {"accuracy": 1.0, "base": 0.6}
    assert "in 100.0% of the rows, always guessing the largest class in 60.0%" in leak.sentence
    assert "--drop 'a'" in leak.sentence


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (1, "1 row without a value of the target 'y' was left out."),
        (3, "3 rows without a value of the target 'y' were left out."),
    ],
)
def test_left_out_rows_are_counted_in_good_english(rows: int, sentence: str) -> None:
    (finding,) = rules.findings(facts(GOOD, rows_without_target=rows))
    assert finding.sentence == sentence


def test_the_worst_comes_first_and_one_sentence_names_all_errors() -> None:
    found = rules.findings(
        facts(text("t", 0, missing=100), classes=(("no", 99), ("yes", 1)), duplicates=1)
    )
    assert [finding.level for finding in found] == ["error", "error", "warning", "note"]
    sentence = rules.errors_in_one_sentence(found)
    assert sentence is not None
    assert sentence.startswith(
        "The table cannot be trained on: The target 'y' has 1 class ('yes') with fewer than 2 rows"
    )
    assert "; Column 't' is missing in all 100 rows" in sentence
    assert sentence.count(".") == 2  # data.drop, and the end
    assert rules.errors_in_one_sentence(found[2:]) is None


class Page(HTMLParser):
    """Collects the tags and the texts of a page."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, Mapping[str, str | None]]] = []
        self.text = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_shows_everything_and_runs_nothing_from_the_data() -> None:
    evil = "<script>alert('x')</script>"
    given = facts(text(evil, 1), classes=((evil, 60), ("b&b", 40)))
    page = Page(html(report.report(given, rules.findings(given))))
    assert evil in page.text
    assert "b&b" in page.text
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe"}
    assert not any("href" in attrs or "src" in attrs for _, attrs in page.tags)
    assert "1 warning" in page.text


def table(directory: Path, **columns: list[object]) -> Path:
    schema = TableSchema((), "y", "text", 0, "0" * 64, "rows.csv")
    dataset.write_table(directory / "table", pl.DataFrame(columns), schema)
    return directory / "table"


def test_the_step_writes_findings_and_page(tmp_path: Path) -> None:
    labels = ["a", "b"] * 20
    source = table(tmp_path, n=[row * 1.5 for row in range(40)], leak=labels, y=labels)
    found = step.run(source, tmp_path / "report", tmp_path / "findings")
    written = json.loads((tmp_path / "findings" / "findings.json").read_text())
    assert [(each["level"], each["check"], each["column"]) for each in written] == [
        ("warning", "leakage", "leak")
    ]
    assert [finding.sentence for finding in found] == [each["sentence"] for each in written]
    assert found[0].sentence in Page((tmp_path / "report").read_text()).text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["findings", "report", "table"]


def test_a_column_whose_name_is_a_pattern_to_polars_is_looked_at_as_any(tmp_path: Path) -> None:
    cells: dict[str, list[object]] = {
        "*": ["x", "X"] * 20,
        "^.*$": [row * 1.5 for row in range(40)],
        "y": ["a", "b"] * 20,
    }
    source = table(tmp_path, **cells)
    found = step.run(source, tmp_path / "report", tmp_path / "findings")
    assert {(each.check, each.column) for each in found} == {("spelling", "*"), ("leakage", "*")}
    words, numbers, _ = table_facts.look(source).iter_columns()
    assert table_facts.shares_of(words, ["x"]) == [0.5]
    assert table_facts.shares_up_to(numbers.alias("*"), [3.0]) == [(0.05, 0.075)]


def test_errors_stop_the_run_after_both_reports_are_written(tmp_path: Path) -> None:
    empty = pl.Series([None] * 6, dtype=pl.String)
    source = table(tmp_path, n=[1.0] * 6, empty=empty, y=["a"] * 6)  # type: ignore[arg-type]
    with pytest.raises(FindingsError) as caught:
        step.run(source, tmp_path / "report", tmp_path / "findings")
    assert "Column 'empty' is missing in all 6 rows" in str(caught.value)
    assert "has a single class, 'a'" in str(caught.value)
    written = json.loads((tmp_path / "findings" / "findings.json").read_text())
    assert [each["level"] for each in written].count("error") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["findings", "report", "table"]
