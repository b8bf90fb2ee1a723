"""All runs, the newest first."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from nicegui import ui

from console.widgets.screen import Screen
from pipelines.run_row import Row
from pipelines.run_table import Query


async def build(screen: Screen) -> None:
    """Show the newest runs."""
    page = await asyncio.to_thread(screen.world.runs.page, Query())
    names = ("run_id", "model", "kind", "data", "status", "started")
    columns = [
        {"name": name, "label": screen.say(f"runs.{name}"), "field": name, "align": "left"}
        for name in names
    ]
    with ui.element("div").classes("k-wide"):
        ui.table(rows=[_shown(row) for row in page.rows], columns=columns, row_key="run_id")


def _shown(row: Row) -> dict[str, str]:
    started = datetime.fromtimestamp(row.started, UTC).astimezone()
    return {
        "run_id": row.run_id,
        "model": row.model,
        "kind": row.kind,
        "data": row.data,
        "status": row.status,
        "started": f"{started:%Y-%m-%d %H:%M:%S}",
    }
