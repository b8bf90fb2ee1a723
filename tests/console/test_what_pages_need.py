"""What pages rely on is there: every class in a style sheet, every script in what is sent first."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nicegui

from console.app import PAGES

CONSOLE = Path(__file__).resolve().parents[2] / "console"
SHEETS = (
    *(CONSOLE / "static").glob("*.css"),
    *(Path(nicegui.__file__).parent / "static").glob("*.css"),
)
OF_SCRIPTS = ("k-drop-said",)
"""What a script looks for."""


def test_every_class_of_an_element_stands_in_a_style_sheet() -> None:
    sheets = "".join(each.read_text(encoding="utf-8") for each in SHEETS)
    known = {*re.findall(r"\.([A-Za-z][\w-]*)", sheets), *OF_SCRIPTS}
    given = {name: path.name for path in CONSOLE.rglob("*.py") for name in _classes(path)}
    assert len(given) > 80
    assert {name: where for name, where in given.items() if name not in known} == {}


def _classes(path: Path) -> Iterator[str]:
    """Yield what stands in calls of `classes`; not what is put together there."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "classes":
            given = [*call.args, *(each.value for each in call.keywords)]
            for each in given:
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    yield from each.value.split()


def test_no_page_adds_a_script_that_would_not_run_once_the_page_was_sent() -> None:
    adds = [path for path in CONSOLE.rglob("*.py") if "<script" in path.read_text("utf-8")]
    assert [path.relative_to(CONSOLE).as_posix() for path in adds] == ["widgets/frame.py"]
    scripts = {each for page in PAGES for each in page.scripts}
    assert scripts == {path.name for path in (CONSOLE / "static").glob("*.js")}
