"""The way of one version, from its data to its rollout, as a row of stops."""

from __future__ import annotations

from nicegui import ui

from console.data.lineage import Stop, lineage
from console.data.services import Service
from console.data.versions import CHAMPION, Model
from console.slowly import slowly
from console.widgets.parts import badge, path
from console.widgets.screen import Screen
from serving.errors import KanaryaError

WORDS = {"run": "models.run", "version": "versions.gate", "service": "services.state"}
LONGEST_NOTE = 180


class Lineage:
    """The stops of the version that is chosen, at first of the one that is live."""

    def __init__(self, screen: Screen, model: Model) -> None:
        self._screen, self._model = screen, model
        self._shown: tuple[Stop, ...] = ()
        live = model.alias(CHAMPION)
        options = [each.version for each in model.versions]
        chosen = live.version if live else options[0]
        self._choice = ui.select(options, value=chosen, label=screen.say("models.of_version"))
        self._choice.props("dense outlined options-dense").style("width: 9rem")
        self._choice.on_value_change(lambda: self.show(self._model))
        self._list = ui.element("ol").classes("k-lineage q-mt-sm")

    async def choose(self, version: str) -> None:
        """Show another version."""
        self._choice.set_value(version)

    async def show(self, model: Model) -> None:
        """Show what has become known since."""
        self._model = model
        stops = await slowly(self._stops, str(self._choice.value))
        if stops == self._shown:
            return
        self._shown = stops
        self._list.clear()
        with self._list:
            for stop in stops:
                self._stop(stop)

    def _stops(self, chosen: str) -> tuple[Stop, ...]:
        version = self._model.version(chosen)
        if version is None:
            return ()
        run = self._screen.world.runs.row(version.run) if version.run else None
        return lineage(version, run, self._service())

    def _service(self) -> Service | None:
        try:
            return self._screen.world.services.one(self._model.name)
        except KanaryaError:
            return None

    def _note(self, stop: Stop) -> None:
        """Show what is said of a stop: a sentence of a rollout, of others names and numbers."""
        note = ui.label(self._screen.texts.percents(stop.note[:LONGEST_NOTE])).classes("k-note")
        if stop.what == "rollout":
            told = self._screen.told(stop.note)
            note.set_text(told.text[:LONGEST_NOTE])
            note.props.set_optional("lang", self._screen.foreign(told))

    def _stop(self, stop: Stop) -> None:
        with ui.element("li"):
            ui.label(self._screen.say(f"models.stop.{stop.what}")).classes("k-what")
            if stop.to:
                ui.link(stop.name, path(*stop.to))
            else:
                ui.label(stop.name).classes("k-strong")
            if stop.status:
                prefix = WORDS.get(stop.what, "models.outcome")
                level, told = badge(self._screen, prefix, stop.status)
                ui.label(told).classes(f"k-badge k-{level}")
            self._note(stop)
