"""docs/chaos.md is the table that the tests use; each row has a test that looks for its words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.chaos_table import PAGE, TABLE, Row, page

TESTS = Path(__file__).parent
ROWS = [row for found in TABLE.values() for row in found]


def test_the_page_is_what_the_table_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.e2e.chaos_table"


@pytest.mark.parametrize("row", ROWS, ids=[row.what.replace(" ", "-") for row in ROWS])
def test_a_row_has_a_test_that_looks_for_what_is_told(row: Row) -> None:
    file, _, name = row.test.partition("::")
    source = (TESTS / file).read_text(encoding="utf-8")
    assert re.search(rf"^def {name}\(", source, re.MULTILINE)
    if row.told and f'"{row.what}"' not in source:
        assert all(words in source for words in row.told)


def test_no_two_rows_break_the_same() -> None:
    assert len({row.what for row in ROWS}) == len(ROWS)
