"""The runs that were deleted a moment ago, each with a button that brings it back."""

from __future__ import annotations

import asyncio
from functools import partial

from nicegui import ui

from console.widgets.screen import Screen

SHOWN = 20


class DeletedRuns:
    """Stands below the table, so that nothing moves under the pointer when a run is deleted."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self._known: list[str] | None = None
        self._place = ui.element("section").classes("k-deleted")

    async def show(self) -> None:
        """Show what can be brought back now."""
        found = (await asyncio.to_thread(self.screen.world.deleted.all))[:SHOWN]
        if found == self._known:
            return
        self._known = found
        self._place.clear()
        with self._place:
            self._list(found)

    def _list(self, found: list[str]) -> None:
        minutes = round(self.screen.world.deleted.undo_s / 60)
        if found:
            ui.label(self.screen.say("runs.deleted", minutes=minutes)).classes("k-quiet")
        for run_id in found:
            with ui.row().classes("items-center"):
                ui.label(run_id).classes("k-mono")
                undo = ui.button(self.screen.say("runs.undo"), icon="undo")
                undo.props(f'flat dense no-caps aria-label="{self._what(run_id)}"')
                undo.on_click(partial(self._undo, run_id)).set_enabled(self.screen.operates)

    def _what(self, run_id: str) -> str:
        return f"{self.screen.say('runs.undo')} {run_id}".replace('"', "")

    async def _undo(self, run_id: str) -> None:
        undo = partial(self.screen.world.deleted.undo, run_id)
        await self.screen.act("run.undelete", run_id, undo)
        await self.show()
