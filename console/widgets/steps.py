"""The steps of a run as cards, and the log of the one that is chosen."""

from __future__ import annotations

import time
from urllib.parse import quote

from nicegui import ui

from console.data.run import Monitored
from console.data.step_shown import TAIL_LINES, Step
from console.widgets.screen import Screen
from console.widgets.status import Badge


class StepCards:
    """Cards that are updated in place; choosing one shows its log, else the newest is shown."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._cards: dict[str, StepCard] = {}
        self._run: Monitored | None = None
        self._chosen = ""
        self._place = ui.element("div").classes("k-steps").props("role=list")
        self._log = LogTail(screen)

    def show(self, run: Monitored) -> None:
        """Show the steps as they are now."""
        self._run = run
        for step in run.steps:
            if step.name not in self._cards:
                with self._place:
                    self._cards[step.name] = StepCard(self._screen, step.name, self._choose)
            self._cards[step.name].show(step)
        for name in self._cards.keys() - {step.name for step in run.steps}:
            self._cards.pop(name).delete()
        self._tell()

    def _choose(self, name: str) -> None:
        self._chosen = name
        self._tell()

    def _tell(self) -> None:
        run = self._run
        if run is None:
            return
        step = run.step(self._chosen) or run.step(run.newest)
        for name, card in self._cards.items():
            card.mark(chosen=step is not None and name == step.name)
        if step is not None:
            self._log.show(run, step)


class StepCard:
    """One step: its name, how it stands, how long it took, and what it told."""

    def __init__(self, screen: Screen, name: str, choose: object) -> None:
        self._screen = screen
        self._shown: Step | None = None
        self._item = ui.element("div").props("role=listitem")
        with self._item:
            self._button = ui.element("button").classes("k-step").props("type=button")
            self._button.on("click", lambda: choose(name))  # type: ignore[operator]
        with self._button:
            with ui.element("span").classes("k-step-head"):
                ui.label(name).classes("k-step-name")
                self._time = ui.label().classes("k-number k-quiet")
            self._badge = Badge(screen)
            self._note = ui.label().classes("k-step-note")

    def show(self, step: Step) -> None:
        """Show the step as it is now."""
        if step.seconds is not None:
            self._time.set_text(self._screen.lasting(step.seconds))
        elif step.started is not None and step.status in ("running", "waiting"):
            self._time.set_text(self._screen.lasting(max(time.time() - step.started, 0.0)))
        else:
            self._time.set_text("")
        if step == self._shown:
            return
        self._shown = step
        self._badge.show(step.status)
        self._screen.tell(self._note, step.error or step.note)
        self._note.classes(remove="k-bad", add="k-bad" if step.error else "")
        self._button.classes(remove="k-idle", add="k-idle" if step.started is None else "")

    def mark(self, *, chosen: bool) -> None:
        """Say whether its log is the one that is shown."""
        pressed = "true" if chosen else "false"
        if self._button.props.get("aria-pressed") != pressed:
            self._button.props(f"aria-pressed={pressed}")

    def delete(self) -> None:
        """Take the card away."""
        self._item.delete()


class LogTail:
    """The last lines of one step's log; a line that is new is added, the rest stays."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._of: tuple[str, int] = ("", 0)
        self._said = 0
        with ui.element("div").classes("k-log-head"):
            self._title = ui.label().classes("k-subtitle")
            self._raw = ui.link(screen.say("run.log.raw"), "#").classes("k-quiet")
        self._log = ui.log(max_lines=TAIL_LINES).classes("k-log")
        self._log.props(f'lang=en role=log tabindex=0 aria-label="{screen.say("run.log.raw")}"')

    def show(self, run: Monitored, step: Step) -> None:
        """Show the log of a step as it is now."""
        if (step.name, run.attempt) != self._of:
            self._of, self._said = (step.name, run.attempt), 0
            self._log.clear()
            self._title.set_text(self._screen.say("run.log", step=step.name))
            self._raw.props["href"] = f"/api/runs/{quote(run.row.run_id)}/log/{quote(step.name)}"
            self._raw.update()
        new = step.said - self._said
        if new > 0:
            lines = [_marked(line) for line in step.tail[-new:]]
            for text, css in lines:
                self._log.push(text, classes=css)
            self._said = step.said


def _marked(line: str) -> tuple[str, str]:
    """Return a line with the class that makes it stand out."""
    if line.startswith("error: "):
        return line, "k-bad k-strong"
    return line, "k-strong" if line.startswith("note: ") else ""
