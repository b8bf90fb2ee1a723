"""The part of a new run that is about data: choose it, see its first rows."""

from __future__ import annotations

import asyncio

from nicegui import ui

from console.data.preview import Pictures, Preview
from console.data.uploads import Upload, Uploads
from console.widgets.drop import drop
from console.widgets.earlier import EarlierUploads
from console.widgets.screen import Screen
from console.widgets.sheet import Sheet

MOST_COLUMNS, MOST_CLASSES = 40, 30
SIGNS = {"\t": "TAB"}


async def choice(sheet: Sheet) -> None:
    """Show how data is chosen: sent, sent earlier, or named by its path."""
    screen = sheet.screen
    uploads = await asyncio.to_thread(Uploads.of(screen.world.settings).newest)
    uri = ui.input(screen.say("new.uri"), value=sheet.draft.value("data.uri") or "")

    async def use(upload: Upload) -> None:
        uri.set_value(str(upload.path))
        await _look(sheet, str(upload.path))

    drop(screen, use)
    with ui.row().classes("full-width items-start q-mt-md"):
        if uploads:
            EarlierUploads(screen, uploads, use)
        uri.props("outlined dense stack-label").classes("col").style("min-width: 14rem")
        uri.props["hint"] = screen.say("new.uri.help")
        uri.move(ui.context.slot.parent)
        button = ui.button(screen.say("new.look")).props("outline no-caps")

    async def look() -> None:
        if uri.value.strip():
            await _look(sheet, uri.value.strip())

    button.on_click(look)
    uri.on("keydown.enter", look)


async def _look(sheet: Sheet, uri: str) -> None:
    note = ui.notification(sheet.screen.say("new.reading"), spinner=True, timeout=None)
    try:
        await sheet.use(uri)
    finally:
        note.dismiss()


def seen(sheet: Sheet) -> None:
    """Show the first rows of what was chosen, or why it cannot be used."""
    screen, shown = sheet.screen, sheet.preview
    if sheet.refused:
        refused = ui.label().classes("k-bad q-mt-md").props('role="alert"')
        screen.tell(refused, sheet.refused)
    elif shown:
        _said(sheet, shown)
        _rows(screen, shown)
        if (more := len(shown.columns) - MOST_COLUMNS) > 0:
            ui.label(screen.say("new.more_columns", count=more)).classes("k-quiet")
    elif sheet.draft.task == "image":
        ui.label(screen.say("new.pictures")).classes("q-mt-md")
        if sheet.pictures:
            _pictured(sheet, sheet.pictures)


def _said(sheet: Sheet, shown: Preview) -> None:
    say = sheet.screen.say
    places = {
        "columns": len(shown.columns),
        "rows": f"{shown.rows:,}",
        "encoding": shown.encoding,
        "delimiter": SIGNS.get(shown.delimiter, shown.delimiter),
    }
    whole = shown.complete and shown.files == 1
    key = "new.seen" if whole else "new.seen_part"
    ui.label(say(key, **places)).classes("k-quiet q-mt-md")
    if shown.files > 1:
        ui.label(say("new.files", files=shown.files)).classes("k-quiet")
    if shown.headless:
        ui.label(say("new.headless")).classes("k-wait").props('role="alert"')


def _rows(screen: Screen, shown: Preview) -> None:
    columns = [
        {
            "name": f"c{at}",
            "field": f"c{at}",
            "label": _head(each.name, screen.told(each.kind).text),
            "align": align,
        }
        for at, each in enumerate(shown.columns[:MOST_COLUMNS])
        for align in ["right" if each.kind in ("number", "integer") else "left"]
    ]
    rows = [
        {"id": at, **{f"c{place}": cell for place, cell in enumerate(row[:MOST_COLUMNS])}}
        for at, row in enumerate(shown.first[:8])
    ]
    with ui.element("div").classes("k-wide k-cells").props("tabindex=0"):
        ui.table(rows=rows, columns=columns, row_key="id").props("dense flat")


def _pictured(sheet: Sheet, seen: Pictures) -> None:
    """Show how many pictures of which class there are, and some of them."""
    say, classes = sheet.screen.say, seen.classes
    places = {"rows": f"{seen.rows:,}", "classes": len(classes), "test": f"{seen.test_rows:,}"}
    ui.label(say("new.pictures.seen", **places)).classes("k-quiet")
    named = ", ".join(f"{label} {train + test:,}" for label, train, test in classes[:MOST_CLASSES])
    ui.label(named + (" …" if len(classes) > MOST_CLASSES else "")).classes("k-quiet k-sentence")
    with ui.element("div").classes("k-pictures").props("role=list"):
        for label, picture in seen.shown:
            with ui.element("figure").props("role=listitem"):
                image = ui.element("img")
                image.props["src"], image.props["alt"] = picture, label
                with ui.element("figcaption"):
                    ui.label(label)
    for sentence in seen.broken:
        sheet.screen.tell(ui.label().classes("k-wait").props('role="alert"'), sentence)


def _head(name: str, kind: str) -> str:
    return f"{name if len(name) <= 60 else name[:59] + '…'} ({kind})"
