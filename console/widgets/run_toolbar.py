"""What can be done with the one run of a page: repeat, change, cancel, take its files along."""

from __future__ import annotations

import asyncio
from functools import partial
from urllib.parse import quote, urlencode

from nicegui import ui

from console.data import run_files
from console.data.run import Monitored
from console.data.run_elsewhere import GONE, UNKNOWN
from console.widgets.cancelling import Cancelling
from console.widgets.run_actions import restart_dialog
from console.widgets.screen import Screen
from pipelines.run_row import CLUSTER, ELSEWHERE, HERE, KILLED, Row


class RunToolbar:
    """Buttons and links; those that the run's status does not allow are not there."""

    def __init__(self, screen: Screen, run_id: str) -> None:
        self._screen, self._run_id = screen, run_id
        self._files_of = ""
        with ui.element("div").classes("k-buttons") as bar:
            bar.props(f'role=toolbar aria-label="{screen.say("runs.actions")}"')
            self._restart = self._button("restart", lambda: restart_dialog(screen, run_id))
            self._edit = self._button("edit", self._change)
            self._cancel = self._button("cancel", self._cancelled)
            self._files = ui.element("div").classes("k-head-line")
        self._cancelling = Cancelling(screen)

    async def show(self, run: Monitored) -> None:
        """Show what the run allows now."""
        may, where = self._screen.operates, run.row.where
        here = may and where == HERE
        stopped = run.row.ended or run.row.status == KILLED
        there = may and where == CLUSTER and run.row.status != GONE
        self._restart.set_visibility((here or there) and stopped)
        self._edit.set_visibility(here or there)
        goes_on = not run.row.ended and not run.over and run.row.status not in (KILLED, UNKNOWN)
        self._cancel.set_visibility(may and where != ELSEWHERE and goes_on)
        if where == HERE and run.over and self._files_of != run.row.status:
            self._files_of = run.row.status
            await self._offer(run.row)

    def _button(self, name: str, act: object) -> ui.button:
        button = ui.button(self._screen.say(f"runs.{name}"), on_click=act)  # type: ignore[arg-type]
        button.props("outline no-caps color=primary").set_visibility(False)
        return button

    def _change(self) -> None:
        ui.navigate.to("/new?" + urlencode({"from": self._run_id}))

    async def _cancelled(self) -> None:
        screen, run_id = self._screen, self._run_id
        if not await self._cancelling.is_sure([run_id]):
            return
        cancel = partial(screen.world.run_actions.cancel, run_id, screen.person.name)
        state = await screen.act("run.cancel", run_id, cancel)
        if state:
            ui.notify(screen.say(f"runs.state.{state}"))

    async def _offer(self, row: Row) -> None:
        """Link the files that there are of a run that has ended."""
        names = await asyncio.to_thread(run_files.available, self._screen.world.settings.base, row)
        self._files.clear()
        with self._files:
            for name in names:
                target = f"/api/runs/{quote(self._run_id)}/files/{quote(name)}"
                ui.link(self._screen.say(f"runs.file.{name}"), target)
