"""Small parts that pages share: headings, facts, badges, paths to other pages."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from nicegui import ui

from console.widgets.screen import Screen
from console.widgets.status import level

LEVELS = {
    "ready": "good",
    "passed": "good",
    "not_ready": "bad",
    "away": "bad",
    "registered": "none",
    "live": "good",
    "older": "none",
    "steady": "good",
    "drift": "bad",
}
"""Of statuses that runs do not have."""
STYLE = '<link rel="stylesheet" href="/static/models.css">'


def heading(sentence: str) -> None:
    """Show the heading of a part of the page; a sentence of the catalogue, which is HTML here."""
    ui.html(f"<h2>{escape(sentence)}</h2>", sanitize=False)


def path(*parts: str) -> str:
    """Return the address of a page; what users named is quoted."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def word(screen: Screen, prefix: str, status: str) -> str:
    """Return a status in words; one that the catalogue does not know as it is."""
    key = f"{prefix}.{status}"
    return screen.say(key) if screen.texts.has(key) else status.replace("_", " ")


def badge(screen: Screen, prefix: str, status: str) -> tuple[str, str]:
    """Return the level and the word of a status, as a cell of badges has them."""
    return LEVELS.get(status) or level(status), word(screen, prefix, status)


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share for people, a dash where it is not known."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def milliseconds(seconds: float | None) -> str:
    """Return a time for people, a dash where it is not known."""
    return "–" if seconds is None else f"{1000 * seconds:.2f} ms"


def crumbs(screen: Screen, target: str, key: str, name: str) -> None:
    """Show where this page belongs, and what it is of."""
    with ui.element("div").classes("k-crumbs"):
        ui.link(screen.say(key), target)
        ui.label("/").classes("k-quiet").props('aria-hidden="true"')
        ui.label(name).classes("k-name")


class Facts:
    """Labels with values that may change."""

    def __init__(self, screen: Screen, prefix: str, names: Iterable[str]) -> None:
        self._values: dict[str, ui.label] = {}
        with ui.element("dl").classes("k-pairs"):
            for name in names:
                with ui.element("div"):
                    with ui.element("dt").classes("k-quiet"):
                        ui.label(screen.say(f"{prefix}.{name}"))
                    with ui.element("dd"):
                        self._values[name] = ui.label("–").classes("k-number")

    def show(self, **values: str) -> None:
        """Show the values as they are now."""
        for name, value in values.items():
            if self._values[name].text != (value or "–"):
                self._values[name].set_text(value or "–")
