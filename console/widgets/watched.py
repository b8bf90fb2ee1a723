"""What the watcher has noted of a model: whether its traffic drifted, whether it is retrained."""

from __future__ import annotations

from datetime import datetime

from nicegui import ui

from components.monitor.windows import Ended
from console.data.times import moment
from console.data.watched import Watched
from console.widgets.parts import badge, heading, word
from console.widgets.screen import Screen
from pipelines.retrain.standing import Standing


class WatchedPanel:
    """A part of a page that is there once something was noted."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._shown = screen, Watched()
        with ui.element("section") as self._section:
            heading(screen.say("watched.title"))
            self._retraining = ui.label().classes("k-sentence")
            self._windows = ui.element("ul").classes("k-windows")
        self._section.set_visibility(False)

    def show(self, found: Watched) -> None:
        """Show what is noted now."""
        if found == self._shown:
            return
        self._shown = found
        self._section.set_visibility(True)
        self._retraining.set_text(self._told(found.retraining) if found.retraining else "")
        self._retraining.set_visibility(found.retraining is not None)
        self._windows.clear()
        with self._windows:
            for each in found.windows:
                self._window(each)

    def _told(self, standing: Standing) -> str:
        verdict = word(self._screen, "watched.verdict", standing.verdict)
        since, why = _moment(standing.since), self._screen.told(standing.sentence).text
        return self._screen.say("watched.retraining", verdict=verdict, since=since, why=why)

    def _window(self, window: Ended) -> None:
        level, name = badge(self._screen, "watched", "drift" if window.drifted else "steady")
        places = {"rows": f"{window.rows:,}", "when": _moment(window.at)}
        with ui.element("li"):
            ui.label(name).classes(f"k-badge k-{level}")
            ui.label(self._screen.say("watched.window", version=window.version, **places))
            self._screen.tell(ui.label().classes("k-quiet"), window.sentence)


def _moment(text: str) -> str:
    return moment(datetime.fromisoformat(text).timestamp())
