"""Going back to any version that was live before, with a question first."""

from __future__ import annotations

from nicegui import ui

from console.data.versions import CHAMPION, Model
from console.widgets.question import Question
from console.widgets.screen import Screen
from pipelines.deciding import Decision, apart


class GoingBack:
    """A choice of the versions that were live, and a button; nothing for a viewer."""

    def __init__(self, screen: Screen, model: Model) -> None:
        self._screen, self._model = screen, model
        with ui.element("div").classes("k-actions") as self._row:
            self._choice = ui.select([], label=screen.say("versions.back_to"))
            self._choice.props("dense outlined options-dense").style("width: 12rem")
            self._button = ui.button(screen.say("versions.back"), on_click=self._asked)
            self._button.props("outline no-caps color=negative")
        self._question = Question(screen)
        self._row.set_visibility(False)

    def show(self, model: Model) -> None:
        """Show what can be gone back to now."""
        self._model = model
        live = model.alias(CHAMPION)
        found = [each.version for each in model.versions if each.was_live and each is not live]
        if found != self._choice.options:
            kept = self._choice.value if self._choice.value in found else None
            self._choice.set_options(found, value=kept or (found[0] if found else None))
        self._row.set_visibility(bool(found) and self._screen.operates)

    async def _asked(self) -> None:
        name, version = self._model.name, str(self._choice.value)
        live = self._model.alias(CHAMPION)
        places = {"name": name, "version": version, "live": live.version if live else "–"}
        sentence = self._screen.say("versions.ask_back", **places)
        if not await self._question.answered(sentence, self._screen.say("versions.back")):
            return
        person, base = self._screen.person.name, self._screen.world.settings.base
        decision = Decision("rollback", name, person=person, version=version)
        self._button.disable()
        told = await self._screen.act(
            "rollout rollback", name, lambda: apart(decision, base), version=version
        )
        self._button.enable()
        if told is not None:
            self._screen.notify(told, "positive")
