"""A page as one HTML file: style and drawings inside, no script, no link to anywhere.

Jinja2 (https://jinja.palletsprojects.com) escapes every value: a version that is named `<script>`
is shown, not run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from serving.pages.content import Page

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent


def style() -> str:
    """Return the style sheet that all pages share."""
    return (FOLDER / "style.css").read_text(encoding="utf-8")


def html(page: Page, language: str = "en", say: Callable[[str], str] = str) -> str:
    """Return the page, in a language into which `say` takes its words and sentences."""
    template = _environment().get_template("page.html")
    return template.render(page=page, style=style(), language=language, say=say)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
