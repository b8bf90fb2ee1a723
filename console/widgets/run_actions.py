"""What can be done to the runs that are picked: buttons, each with what it needs to be enabled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from urllib.parse import quote, urlencode

from nicegui import ui

from console.data import run_files
from console.data.run_query import MOST_COMPARED
from console.slowly import slowly
from console.widgets.cancelling import Cancelling
from console.widgets.run_list import RunList
from console.widgets.screen import Screen
from pipelines.run_row import CLUSTER, ELSEWHERE, HERE, KILLED, Row
from serving.errors import KanaryaError

Handler = Callable[[], object]
MOST_AT_ONCE = 200


class RunButtons:
    """The buttons above the table; they say nothing and move nothing while nothing is picked."""

    def __init__(self, screen: Screen, runs: RunList) -> None:
        self.screen, self.runs = screen, runs
        self._buttons: dict[str, ui.button] = {}
        with ui.row().classes("k-actions items-center full-width").props('role="toolbar"') as bar:
            bar.props(f'aria-label="{screen.say("runs.actions")}"')
            self._count = ui.label().classes("k-quiet k-number k-picked").props('role="status"')
            self._add("compare", "compare_arrows", self._compare)
            self._add("restart", "replay", self._restart)
            self._add("edit", "tune", self._edit)
            self._add("compose", "call_merge", self._compose)
            self._downloads()
            self._add("cancel", "cancel", self._cancel)
            self._add("delete", "delete", self._delete)
        self._cancelling = Cancelling(screen)

    def refresh(self) -> None:
        """Enable what the picked runs allow."""
        picked = self.runs.picked
        shown = {row.run_id: row for row in self.runs.found.rows}
        rows = [shown[run_id] for run_id in picked if run_id in shown]
        self._count.set_text(self.screen.say("runs.picked", count=len(picked)))
        allowed = {**_looking(picked), **(_acting(picked, rows) if self.screen.operates else {})}
        for name, button in self._buttons.items():
            button.set_enabled(allowed.get(name, False))

    def _add(self, name: str, icon: str, act: Handler | None = None) -> ui.button:
        button = ui.button(self.screen.say(f"runs.{name}"), icon=icon, on_click=act)
        button.props("flat dense no-caps").mark(f"runs-{name}")
        self._buttons[name] = button
        return button

    def _compare(self) -> None:
        ui.navigate.to("/compare?runs=" + quote(",".join(self.runs.picked)))

    def _edit(self) -> None:
        ui.navigate.to("/new?" + urlencode({"from": self.runs.picked[0]}))

    async def _restart(self) -> None:
        await restart_dialog(self.screen, self.runs.picked[0])

    def _compose(self) -> None:
        compose_dialog(self.screen, self.runs.picked[0], self.runs.picked[1])

    async def _cancel(self) -> None:
        actions, who = self.screen.world.run_actions, self.screen.person.name
        picked = self.runs.picked
        for run_id in picked if await self._cancelling.is_sure(picked) else ():
            state = await self.screen.act(
                "run.cancel", run_id, partial(actions.cancel, run_id, who)
            )
            if state:
                ui.notify(f"{run_id}: {self.screen.say(f'runs.state.{state}')}")

    async def _delete(self) -> None:
        from console.data.run_uses import Registry

        actions, registry = self.screen.world.run_actions, Registry(self.screen.world.settings.base)
        picked = self.runs.picked[:MOST_AT_ONCE]
        self.runs.pick_none()
        working = ui.notification(self.screen.say("runs.deleting"), spinner=True, timeout=None)
        for run_id in picked:
            delete = partial(actions.delete, run_id, registry)
            await self.screen.act("run.delete", run_id, delete)
        working.dismiss()
        await self.runs.show()

    def _downloads(self) -> None:
        button = self._add("download", "download")
        with button, ui.menu() as menu:
            for name in run_files.KINDS:
                word = self.screen.say(f"runs.file.{name}")
                ui.menu_item(word, partial(self._download, name), auto_close=True)
        menu.props("auto-close")

    async def _download(self, name: str) -> None:
        run_id, world = self.runs.picked[0], self.screen.world
        row = await asyncio.to_thread(world.runs.row, run_id)
        has = await asyncio.to_thread(run_files.available, world.settings.base, row) if row else []
        if name not in has:
            what = self.screen.say(f"runs.file.{name}")
            ui.notify(self.screen.say("runs.no_file", run=run_id, what=what), type="warning")
            return
        ui.download.from_url(f"/api/runs/{quote(run_id)}/files/{name}")


def _looking(picked: list[str]) -> dict[str, bool]:
    return {"compare": 2 <= len(picked) <= MOST_COMPARED, "download": len(picked) == 1}


def _acting(picked: list[str], rows: list[Row]) -> dict[str, bool]:
    known = bool(rows) and len(rows) == len(picked)
    here = known and not_far(rows)
    asked_here = all(row.where != ELSEWHERE for row in rows)
    near = known and asked_here
    ended = all(row.ended or row.status == KILLED for row in rows)
    return {
        "restart": len(picked) == 1 and asked_here,
        "edit": len(picked) == 1 and asked_here,
        "compose": len(picked) == 2 and asked_here,
        "cancel": near and not any(row.ended for row in rows),
        "delete": here and ended,
    }


def not_far(rows: Iterable[Row]) -> bool:
    """Say whether what the runs were asked for is known here."""
    return all(row.where == HERE for row in rows)


async def restart_dialog(screen: Screen, run_id: str) -> None:
    """Ask whether a run is to be started once more; then go to the new one."""
    actions, who = screen.world.run_actions, screen.person.name
    row = await asyncio.to_thread(screen.world.runs.row, run_id)
    there = row is not None and row.where == CLUSTER
    title = row.title if row else run_id
    with ui.dialog() as dialog, ui.card().classes("k-card k-dialog"):
        ui.label(screen.say("runs.restart_title", run=title)).classes("text-h6")
        ui.label(screen.say("runs.restart_there" if there else "runs.restart_what"))
        notes = ui.column().classes("k-quiet")
        accept = ui.checkbox(screen.say("runs.accept_new_data"))
        accept.set_visibility(not there)

        async def start() -> None:
            sure.disable()  # or who clicks twice starts two
            begin = partial(actions.restart, run_id, who, accept_new_data=accept.value)
            new = await screen.act("run.restart", run_id, begin, accept_new_data=accept.value)
            if new:
                ui.navigate.to(f"/runs/{quote(new)}")
            else:
                sure.enable()

        with ui.row().classes("full-width justify-end"):
            ui.button(screen.say("frame.cancel"), on_click=dialog.close).props("flat no-caps")
            sure = ui.button(screen.say("runs.restart"), on_click=start)
            sure.props("unelevated no-caps")
    dialog.on("hide", dialog.delete)
    dialog.open()
    found = await slowly(_notes, screen, run_id)
    for note in found if not dialog.is_deleted else ():
        with notes:
            screen.tell(ui.label(), note)


def _notes(screen: Screen, run_id: str) -> list[str]:
    """Return in what a repetition would not be the same; why there can be none is told at start."""
    try:
        return screen.world.run_actions.differs_now(run_id)
    except KanaryaError as error:
        return [str(error)]


def compose_dialog(screen: Screen, a: str, b: str) -> None:
    """Ask whose data and whose configuration; then go to the form that is filled with them."""
    with ui.dialog() as dialog, ui.card().classes("k-card k-dialog"):
        ui.label(screen.say("runs.compose_title")).classes("text-h6")
        options = {
            a: screen.say("runs.compose_way", data=a, config=b),
            b: screen.say("runs.compose_way", data=b, config=a),
        }
        data = ui.radio(options, value=a)

        def go() -> None:
            config = b if data.value == a else a
            ui.navigate.to("/new?" + urlencode({"from": config, "data": data.value}))

        with ui.row().classes("full-width justify-end"):
            ui.button(screen.say("frame.cancel"), on_click=dialog.close).props("flat no-caps")
            ui.button(screen.say("runs.edit"), on_click=go).props("unelevated no-caps")
    dialog.on("hide", dialog.delete)
    dialog.open()
