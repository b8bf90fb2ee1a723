"""How good each version really was, as labels that came later tell."""

from __future__ import annotations

from nicegui import ui

from console.data.live_quality import Live, Quality
from console.widgets.live_table import LiveTable, Show, cell
from console.widgets.parts import heading
from console.widgets.screen import Screen

COLUMNS = ("version", "metric", "value", "labels", "predictions")


class LiveQuality:
    """A part of a page that is there once a prediction was kept for a label."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._shown = screen, Live()
        with ui.element("section") as self._section:
            heading(screen.say("quality.title"))
            self._window = ui.label().classes("k-quiet")
            self._trouble = ui.label().classes("k-wait").props('role="status"')
            labels = [screen.say(f"quality.{name}") for name in COLUMNS]
            self._table: LiveTable[Quality] = LiveTable(
                screen.say("quality.title"), labels, self._row, screen.say("quality.none")
            )
            self._waiting = ui.label().classes("k-wait")
        self._section.set_visibility(False)

    def show(self, found: Live) -> None:
        """Show what is known now."""
        if found == self._shown:
            return
        self._shown = found
        self._section.set_visibility(bool(found.qualities or found.waiting or found.trouble))
        window = self._screen.told(found.window).text
        self._window.set_text(self._screen.say("quality.window", span=window))
        self._window.set_visibility(bool(found.window))
        self._screen.tell(self._trouble, found.trouble)
        self._trouble.set_visibility(bool(found.trouble))
        self._table.show({f"{each.version} {each.metric}": each for each in found.qualities})
        waiting = self._screen.say("quality.waiting", count=f"{found.waiting:,}")
        self._waiting.set_text(waiting if found.waiting else "")
        self._waiting.set_visibility(bool(found.waiting))

    def _row(self, _: str) -> Show[Quality]:
        version, metric, value, labels, predictions = (
            cell(numeric) for numeric in (False, False, False, True, True)
        )

        def show(found: Quality) -> None:
            version.set_text(found.version)
            metric.set_text(found.metric or "–")
            said = self._screen.told(found.value).text
            value.set_text(said or self._screen.say("quality.no_label"))
            labels.set_text(f"{found.labels:,}")
            predictions.set_text(f"{found.predictions:,}")

        return show
