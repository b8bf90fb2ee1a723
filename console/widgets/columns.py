"""The part of a new run that says what is predicted, from which columns, and what is wrong."""

from __future__ import annotations

from functools import partial
from typing import Any

from nicegui import ui

from console.data.preview import Finding, Findings, findings
from console.slowly import slowly
from console.widgets.sheet import Sheet
from serving.errors import KanaryaError

LEVELS = {"error": "k-bad", "warning": "k-wait", "note": "k-none"}
TASKS = ("tabular", "tabular-regression")
MOST = 30


class Columns:
    """Target, task, columns to leave out, and the findings."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        say = sheet.screen.say
        with ui.element("div").classes("k-fields"):
            self.target = ui.select([], label=say("new.target"), with_input=True)
            tasks = {task: say(f"new.task.{task}") for task in TASKS}
            self.task = ui.select(tasks, label=say("new.task"), value=TASKS[0])
            self.drop = ui.select([], label=say("new.drop_columns"), multiple=True)
        self.drop.props("use-chips").style("grid-column: 1 / -1")
        for each in (self.target, self.task, self.drop):
            each.props("outlined dense stack-label")
        with ui.row().classes("items-center q-mt-sm"):
            self.check = ui.button(say("new.check"), on_click=self._checked).props(
                "outline no-caps"
            )
            self.said = ui.label().classes("k-quiet")
        self.list = ui.column().classes("full-width k-tight").props("aria-live=polite")
        self.fill()
        self.target.on_value_change(self._target)
        self.task.on_value_change(self._task)
        self.drop.on_value_change(self._drop)

    def fill(self) -> None:
        """Show what the draft says, with the columns of its data."""
        draft, preview = self.sheet.draft, self.sheet.preview
        names = [column.name for column in preview.columns] if preview else []
        target = draft.value("data.target")
        known = names or [name for name in (target, *(draft.value("data.drop") or ())) if name]
        self.target.set_options(known, value=target if target in known else None)
        rest = [name for name in known if name != target]
        dropped = [name for name in draft.value("data.drop") or () if name in rest]
        self.drop.set_options(rest, value=dropped)
        self.task.set_value(draft.task if draft.task in TASKS else TASKS[0])
        self._forget()

    def _forget(self) -> None:
        self.list.clear()
        self.said.set_text("")

    def _target(self, event: Any) -> None:
        if event.value and event.value != self.sheet.draft.value("data.target"):
            preview = self.sheet.preview
            columns = preview.columns if preview else ()
            self.sheet.change(self.sheet.draft.with_target(event.value, columns))
            self.fill()

    def _task(self, event: Any) -> None:
        if event.value and event.value != self.sheet.draft.task:
            self.sheet.change(self.sheet.draft.with_task(event.value))
            self._forget()

    def _drop(self, event: Any) -> None:
        if list(event.value or ()) != list(self.sheet.draft.value("data.drop") or ()):
            self.sheet.change(self.sheet.draft.with_dropped(event.value or ()))

    async def _checked(self) -> None:
        draft, say = self.sheet.draft, self.sheet.screen.say
        if not draft.value("data.target"):
            return
        self._forget()
        self.said.set_text(say("new.checking"))
        self.check.disable()
        try:
            found = await slowly(
                partial(
                    findings,
                    self.sheet.screen.world.settings.base,
                    draft.value("data.uri"),
                    draft.value("data.target"),
                    drop=tuple(draft.value("data.drop") or ()),
                    task=draft.task,
                )
            )
        except (KanaryaError, OSError) as error:
            self.said.set_text("")
            found = Findings((Finding("error", None, str(error)),), 0, True)
        finally:
            self.check.enable()
        self._show(found)

    def _show(self, found: Findings) -> None:
        say = self.sheet.screen.say
        if found.rows:
            key = "new.checked" if found.complete else "new.checked_part"
            nothing = "" if found.found else f": {say('new.nothing_found')}"
            self.said.set_text(say(key, rows=f"{found.rows:,}") + nothing)
        with self.list:
            for each in found.found[:MOST]:
                self._finding(each)
            if (more := len(found.found) - MOST) > 0:
                ui.label(say("new.more_findings", count=more)).classes("k-quiet")

    def _finding(self, found: Finding) -> None:
        say = self.sheet.screen.say
        with ui.element("div").classes("k-finding full-width"):
            ui.label(say(f"new.level.{found.level}")).classes(f"k-badge {LEVELS[found.level]}")
            self.sheet.screen.tell(ui.label(), found.sentence)
            if found.column and found.column != self.sheet.draft.value("data.target"):
                button = ui.button(say("new.leave_out")).props("flat dense no-caps")
                button.props["aria-label"] = f"{say('new.leave_out')}: {found.column}"
                button.on_click(lambda column=found.column: self._leave_out(column))

    def _leave_out(self, column: str) -> None:
        dropped = list(self.drop.value or ())
        if column not in dropped and column in self.drop.options:
            self.drop.set_value([*dropped, column])
