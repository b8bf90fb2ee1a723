"""All runs: filtered, sorted by anything, page by page, as they are now."""

from __future__ import annotations

import asyncio

from nicegui import ui

from console.data import run_columns, run_query
from console.data.runs import Pulse
from console.widgets.places import PlacesSeen
from console.widgets.run_actions import RunButtons
from console.widgets.run_deleted import DeletedRuns
from console.widgets.run_filters import RunFilters
from console.widgets.run_list import RunList
from console.widgets.screen import Screen


async def build(screen: Screen) -> None:
    """Show the runs that the address asks for, and what happens to them."""
    request = ui.context.client.request
    runs = screen.world.runs
    view = run_query.parse(request.query_params.multi_items())
    choices = await asyncio.to_thread(runs.choices)
    cookie = request.cookies.get(run_columns.COOKIE, "")
    metrics, places = choices["metrics"], len(choices["wheres"])
    table = RunList(screen, view, run_columns.chosen(cookie, metrics, places=places))
    filters = RunFilters(screen, table, choices)
    buttons = RunButtons(screen, table)
    table.place()
    seen = PlacesSeen(screen)
    deleted = DeletedRuns(screen)
    table.on_pick(buttons.refresh)
    await table.show()

    async def show(_: Pulse) -> None:
        await table.show()
        seen.show()
        await deleted.show()
        filters.refresh(await asyncio.to_thread(runs.choices))

    screen.follow(screen.world.run_changes.watch(), show)
