"""A new run: data, target and columns, model, what will happen, start."""

from __future__ import annotations

from nicegui import ui

from console.data.draft import Draft
from console.data.taking import taken_from
from console.slowly import slowly
from console.widgets import chosen_data
from console.widgets.columns import Columns
from console.widgets.frame import message
from console.widgets.model_form import ModelForm
from console.widgets.screen import Said, Screen
from console.widgets.sheet import Sheet
from console.widgets.summary import Summary


async def build(screen: Screen) -> None:
    """Show the form; `?from=RUN` and `?data=RUN` fill it in."""
    if not screen.operates:
        message(screen, Said(screen.say("new.viewer", name=screen.person.name)), "wait")
        return
    ui.add_head_html('<link rel="stylesheet" href="/static/new.css">')
    draft, notes = await _begun(screen)
    sheet = Sheet(screen, draft)
    if draft.made_from:
        await sheet.look()
        _taken(screen, draft, notes)
    with ui.element("div").classes("k-new"):
        with ui.element("div"):
            await _parts(sheet)
        Summary(sheet)


async def _begun(screen: Screen) -> tuple[Draft, list[str]]:
    config, data = screen.query.get("from", ""), screen.query.get("data", "")
    if not config and not data:
        return Draft(), []
    return await slowly(taken_from, screen.world.run_actions, config, data)


async def _parts(sheet: Sheet) -> None:
    screen = sheet.screen
    with _part(screen.say("new.data")):
        await chosen_data.choice(sheet)
        seen = ui.refreshable(chosen_data.seen)
        seen(sheet)
    with _part(screen.say("new.columns")) as card:
        columns = Columns(sheet)
    with _part(screen.say("new.model")):
        ModelForm(sheet)

    def other_data() -> None:
        seen.refresh()
        columns.fill()
        card.set_visibility(sheet.draft.task != "image")

    sheet.on_data.append(other_data)
    card.set_visibility(sheet.draft.task != "image")


def _part(title: str) -> ui.element:
    part = ui.element("section").classes("k-part")
    with part, ui.element("h2"):
        ui.label(title)
    return part


def _taken(screen: Screen, draft: Draft, notes: list[str]) -> None:
    runs = " + ".join(dict.fromkeys(draft.made_from.values()))
    ui.label(screen.say("new.of_run", runs=runs))
    for note in notes:
        screen.tell(ui.label().classes("k-quiet"), note)
