"""Which files may hold a test that `-m` asks for, told by their text: to import takes seconds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

WORDS = re.compile(r"[a-z]\w*")
MARKS = re.compile(r"\bmark\.(\w+)")
OF_ALL = re.compile(r"^pytestmark = (\[.*?\]|[^\n]*)", re.MULTILINE | re.DOTALL)


def text_of(path: Path) -> str:
    """Return a file with the conftest beside it, whose fixtures may mark tests as well."""
    beside = path.with_name("conftest.py")
    return "\n".join(each.read_text(encoding="utf-8") for each in (path, beside) if each.exists())


def may_hold(asked: str, text: str) -> bool:
    """Say whether a test of this text may have marks for which the expression of `-m` holds."""
    names = set(WORDS.findall(asked)) - {"and", "or", "not"}
    of_all = names & set(MARKS.findall(" ".join(OF_ALL.findall(text))))
    of_some = names & set(MARKS.findall(text)) - of_all
    choices = (some for count in range(len(of_some) + 1) for some in combinations(of_some, count))
    return any(_holds(asked, names, of_all.union(some)) for some in choices)


def _holds(asked: str, names: Iterable[str], have: set[str]) -> bool:
    return bool(eval(asked, {"__builtins__": {}}, {name: name in have for name in names}))
