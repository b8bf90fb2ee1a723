"""Who did what, the newest first: for administrators."""

from __future__ import annotations

import asyncio

from nicegui import ui

from console.widgets.grid import Kind, Row, grid
from console.widgets.parts import STYLE
from console.widgets.screen import Said, Screen
from pipelines.actions import HEAD, Action, done

MOST_SHOWN = 1000
COLUMNS: dict[str, Kind] = {
    "at": "text",
    "who": "text",
    "action": "text",
    "subject": "text",
    "detail": "prose",
}


async def build(screen: Screen) -> None:
    """Show the newest actions."""
    if not screen.administers:
        raise Said(screen.say("audit.forbidden", name=screen.person.name))
    ui.add_head_html(STYLE)
    found = await asyncio.to_thread(done, screen.world.settings.base)
    shown = found[-MOST_SHOWN:][::-1]
    rows = [_row(number, action) for number, action in enumerate(shown)]
    grid(screen, "audit", COLUMNS, rows, "number")


def _row(number: int, action: Action) -> Row:
    more = [f"{key}: {value}" for key, value in action.items() if key not in HEAD]
    at = str(action["at"])[:19].replace("T", " ")
    head = {key: str(action[key]) for key in HEAD}
    return {**head, "number": number, "at": f"{at} UTC", "detail": ", ".join(more)}
