"""Where a file is dropped or chosen: the browser sends it to /api/uploads, and shows how far."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import events, ui

from console.data.uploads import ENDINGS, Upload, Uploads
from console.widgets.screen import Said, Screen
from serving.errors import KanaryaError

ACCEPT = ",".join(ENDINGS)


def drop(screen: Screen, use: Callable[[Upload], Awaitable[None]]) -> None:
    """Show the place; `use` gets each file that arrived."""
    uploads = Uploads.of(screen.world.settings)
    limit = in_words(uploads.limit)
    zone = ui.element("label").classes("k-drop")
    zone.props["data-limit"] = uploads.limit
    zone.props["data-endings"] = ACCEPT
    zone.props["data-sending"] = screen.say("new.drop.sending", percent="{percent}")
    for name in ("large", "kinds", "broken"):
        zone.props[f"data-{name}"] = screen.say(f"new.drop.{name}", limit=limit)
    with zone:
        ui.icon("upload_file", size="2rem").props('aria-hidden="true"')
        with ui.column().classes("k-tight"):
            ui.label(screen.say("new.drop"))
            ui.label(screen.say("new.drop.help", limit=limit)).classes("k-quiet text-caption")
        ui.element("input").props(f'type=file accept="{ACCEPT}"')
        progress = ui.element("progress").props("max=1 value=0")
        progress.props["aria-label"] = screen.say("new.drop.sending", percent="")
        ui.label().classes("k-drop-said k-number").props("aria-live=polite")
        ui.button(screen.say("frame.cancel")).props("flat dense no-caps").classes("k-drop-cancel")

    async def arrived(event: events.GenericEventArguments) -> None:
        await _arrived(screen, event.args, use)

    ui.on("kanarya-upload", arrived)


async def _arrived(screen: Screen, said: Any, use: Callable[[Upload], Awaitable[None]]) -> None:
    answer, uploads = said if isinstance(said, dict) else {}, Uploads.of(screen.world.settings)
    if "error" in answer:
        error = str(answer["error"])
        screen.notify(Said(error) if answer.get("ours") else error)
    elif "id" in answer:
        try:
            # A browser may say anything: only what lies there is used.
            found = await asyncio.to_thread(uploads.get, str(answer["id"]), str(answer.get("name")))
        except KanaryaError as error:
            screen.notify(error)
            return
        await use(found)


def in_words(size: int) -> str:
    """Return a number of bytes as people write it."""
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} B"
