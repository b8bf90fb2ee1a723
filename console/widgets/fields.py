"""The fields of a form, as `console.data.form` found them in the schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

from nicegui import ui

from console.data import form
from console.data.form import Field
from console.widgets.screen import Screen

Change = Callable[[Field, Any], None]
"""Hears what was filled in; None and "" where a field was emptied."""
NOTHING = ""
"""What stands for null in a list of choices."""


def fields(
    screen: Screen, found: Iterable[Field], value: Callable[[str], Any], change: Change
) -> None:
    """Show the fields, those of a group together; `value`: what is filled in at a path."""
    with ui.element("div").classes("k-fields"):
        for group, members in groupby(found, key=lambda each: each.group):
            if group and group != "hyperparameters":
                with ui.element("h3"):
                    ui.label(group)
            for each in members:
                _field(screen, each, value(each.path), change)


def explained(screen: Screen, sentence: str) -> str:
    """Return what the spec says of a field, in the person's language where it is said there."""
    return screen.say(sentence) if screen.texts.has(sentence) else sentence


def _field(screen: Screen, field: Field, value: Any, change: Change) -> None:
    if field.kind == "boolean":
        _switch(screen, field, value, change)
        return
    widget = _WIDGETS.get(field.kind, _text)(screen, field, value, change)
    widget.props("outlined dense stack-label hide-bottom-space")
    widget.props["hint"] = explained(screen, field.help)
    widget.props["label"] = field.name


def _switch(screen: Screen, field: Field, value: Any, change: Change) -> None:
    with ui.column().classes("k-tight"):
        shown = bool(field.default if value is None else value)
        ui.switch(field.name, value=shown, on_change=lambda event: change(field, event.value))
        ui.label(explained(screen, field.help)).classes("k-quiet text-caption")


def _number(screen: Screen, field: Field, value: Any, change: Change) -> Any:
    usual = "" if field.default is None else form.shown(field.default)
    return ui.number(
        value=value,
        placeholder=usual,
        min=field.least,
        max=field.most,
        step=1 if field.kind == "integer" else None,
        on_change=lambda event: change(field, event.value),
    ).props("debounce=250")


def _choice(screen: Screen, field: Field, value: Any, change: Change) -> Any:
    options = {each: each for each in field.choices}
    if field.default is None:
        options = {NOTHING: screen.say("new.none"), **options}
    chosen = field.default if value is None else value
    return ui.select(
        options,
        value=NOTHING if chosen is None else str(chosen),
        on_change=lambda event: change(field, event.value),
    )


def _text(screen: Screen, field: Field, value: Any, change: Change) -> Any:
    return ui.input(
        value="" if value is None else form.shown(value),
        placeholder="" if field.default is None else form.shown(field.default),
        on_change=lambda event: change(field, event.value),
    ).props("debounce=400")


_WIDGETS: dict[str, Callable[[Screen, Field, Any, Change], Any]] = {
    "integer": _number,
    "number": _number,
    "choice": _choice,
}
