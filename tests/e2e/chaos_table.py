"""What may break, and what then is served, lost and told: the table of docs/chaos.md.

`python -m tests.e2e.chaos_table` writes the page anew, `… chaos_table tests` names the tests;
tests/test_chaos_table.py keeps it so.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.e2e.chaos_kills import KILLED
from tests.e2e.chaos_rows import Row
from tests.e2e.chaos_troubles import DAMAGED, DISKS, SURROUNDINGS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "chaos.md"
TABLE = {
    "Killed with SIGKILL": KILLED,
    "A disk that is full or closed": DISKS,
    "Damaged files": DAMAGED,
    "Surroundings": SURROUNDINGS,
}


def said(what: str, text: str) -> None:
    """Require that a text tells the user what the table promises."""
    (row,) = [row for found in TABLE.values() for row in found if row.what == what]
    missing = [words for words in row.told if words not in text]
    assert not missing, f"{missing} are not in {text!r}"


HEAD = """# What breaks, and what then

Each row is a test that breaks it for real: a kill is SIGKILL, a full disk a small file system \
without a byte left, a damaged file has its bytes overwritten. What is *told* is what the test \
looks for in what the user reads. *Lost* says what of that was answered with yes is gone, and what \
must be done once more.

`make chaos` runs all of them (some need the right to mount file systems: root). This page is \
written by `python -m tests.e2e.chaos_table` from the table that the tests use.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *(_group(name, found) for name, found in TABLE.items())])


def _group(name: str, found: list[Row]) -> str:
    head = [f"## {name}", "", "| what | served meanwhile | lost | told | cured by | test |"]
    return "\n".join([*head, "|---|---|---|---|---|---|", *map(_line, found), ""])


def _line(row: Row) -> str:
    file, _, name = row.test.partition("::")
    told = " … ".join(f"“{words}”" for words in row.told) or "–"
    link = f"[{name.removeprefix('test_').replace('_', ' ')}](../tests/{file})"
    return f"| {row.what} | {row.served} | {row.lost} | {told} | {row.cured} | {link} |"


def tests() -> list[str]:
    """Return the tests of all rows, each once, as pytest names them."""
    return list(dict.fromkeys(f"tests/{row.test}" for found in TABLE.values() for row in found))


if __name__ == "__main__":
    if sys.argv[1:] == ["tests"]:
        print(*tests())
    else:
        PAGE.write_text(page(), encoding="utf-8")
