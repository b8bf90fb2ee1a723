"""What a person may decide about a rollout: buttons that ask before, and say who decided."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from console.data.rollout import Watched
from console.widgets.question import Question
from console.widgets.screen import Screen
from pipelines.deciding import Decision, apart

LOOKS = {
    "approve": "unelevated color=positive",
    "promote": "unelevated color=primary",
    "resume": "outline color=primary",
    "hold": "outline color=primary",
    "abort": "outline color=negative",
    "rollback": "outline color=negative",
}


class Decisions:
    """A row of buttons, those that the rollout's phase leaves open; none for a viewer."""

    def __init__(self, screen: Screen, again: Callable[[], None]) -> None:
        self._screen, self._again = screen, again
        self._seen = Watched("")
        with ui.element("div").classes("k-buttons") as self._row:
            self._buttons = {name: self._button(name, look) for name, look in LOOKS.items()}
        self._question = Question(screen, screen.say("rollout.as", name=screen.person.name))

    def show(self, seen: Watched) -> None:
        """Show the buttons that are open now."""
        self._seen = seen
        for name, button in self._buttons.items():
            button.set_visibility(self._screen.operates and name in seen.decisions)

    def _button(self, name: str, look: str) -> ui.button:
        label = self._screen.say(f"rollout.do.{name}")
        button = ui.button(label, on_click=lambda: self._asked(name))
        button.props(f"no-caps {look}")
        button.set_visibility(False)
        return button

    async def _asked(self, name: str) -> None:
        seen, screen = self._seen, self._screen
        places = {"service": seen.service, "version": seen.version, "before": seen.before}
        sentence = screen.say(f"rollout.ask.{name}", **places, asking=seen.asking)
        do = screen.say(f"rollout.do.{name}")
        if not await self._question.answered(sentence, do, LOOKS[name]):
            return
        decision = Decision(name, seen.service, seen.id, screen.person.name)
        for button in self._buttons.values():
            button.disable()
        told = await screen.act(
            f"rollout {name}",
            seen.service,
            lambda: apart(decision, screen.world.settings.base),
            rollout=seen.id,
            version=seen.version,
        )
        for button in self._buttons.values():
            button.enable()
        if told is not None:
            screen.notify(told, "positive")
            if seen.over:
                self._again()
