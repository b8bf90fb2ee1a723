"""The part of a new run that says which model, and everything else that a spec has."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from console.data import form
from console.widgets.fields import explained, fields
from console.widgets.sheet import Sheet


class ModelForm:
    """The model kind and its hyperparameters; the other parts of the spec lie folded below."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        screen = sheet.screen
        with ui.element("div").classes("k-fields"):
            self.name = ui.input(screen.say("new.name"), on_change=self._name)
            self.name.props["hint"] = screen.say("new.name.help")
            self.kind = ui.select([], label=screen.say("new.kind"))
        for each in (self.name, self.kind):
            each.props("outlined dense stack-label hide-bottom-space")
        self.about = ui.label().classes("q-mt-sm")
        ui.label(screen.say("new.default")).classes("k-quiet q-mb-sm")
        self.asked = ui.element("div")
        self.parts = ui.element("div").classes("q-mt-md")
        self.fill()
        self.rename()
        self.kind.on_value_change(self._kind)
        sheet.on_model.append(self.fill)
        sheet.on_data.append(self.rename)

    def rename(self) -> None:
        """Show the name that the draft has."""
        self.name.set_value(self.sheet.draft.value("name") or "")

    def fill(self) -> None:
        """Show the kinds of the task, the hyperparameters of the kind, and the other parts."""
        draft = self.sheet.draft
        self.kind.set_options(list(form.kinds(draft.task)), value=draft.kind)
        about = form.about(draft.task, draft.kind)
        self.about.set_text(explained(self.sheet.screen, about))
        self.asked.clear()
        with self.asked:
            self._fields(form.hyperparameters(draft.task, draft.kind))
        self.parts.clear()
        with self.parts:
            for name in (*(["data"] if draft.task == "image" else []), *form.PARTS):
                self._part(name)

    def _part(self, name: str) -> None:
        found = [each for each in form.part(self.sheet.draft.task, name) if each.name != "uri"]
        if found:
            opened = self.sheet.draft.value(name) is not None and name != "data"
            label = self.sheet.screen.say(f"new.part.{name}")
            with ui.expansion(label, value=opened).classes("full-width"):
                self._fields(tuple(found))

    def _fields(self, found: tuple[form.Field, ...]) -> None:
        fields(self.sheet.screen, found, self.sheet.draft.value, self.sheet.fill)

    def _name(self, event: Any) -> None:
        draft = self.sheet.draft
        given = (event.value or "").strip()
        self.sheet.change(draft.with_value("name", given) if given else draft.with_default("name"))

    def _kind(self, event: Any) -> None:
        if event.value and event.value != self.sheet.draft.kind:
            self.sheet.change(self.sheet.draft.with_kind(event.value))
