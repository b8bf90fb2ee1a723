"""What will happen, the same as a file and as a command, and the button that starts it."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from console.data.plan import plan
from console.widgets.destination import Destination
from console.widgets.sheet import Sheet
from pipelines.asked import Asked
from pipelines.enqueue import enqueue
from pipelines.run_row import CLUSTER
from serving.errors import KanaryaError


class Summary:
    """Follows the draft; starts it."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        say = sheet.screen.say
        with ui.element("section").classes("k-part k-aside"):
            with ui.element("h2"):
                ui.label(say("new.happens"))
            self.steps = ui.element("ol").classes("k-plan")
            self.nothing = ui.label(say("new.nothing_yet")).classes("k-quiet")
            self.error = ui.label().classes("k-bad").props('role="alert"')
            if sheet.draft.made_from and sheet.draft.data_sha256:
                ui.switch(say("new.same_data"), value=True, on_change=self._same)
            self.destination = Destination(sheet)
            with ui.row().classes("items-end q-my-md no-wrap"):
                self.start = ui.button(say("new.start"), icon="play_arrow", on_click=self._start)
                self.start.props("unelevated no-caps")
                self.priority = ui.number(say("new.priority"), value=0, step=1)
                self.priority.on_value_change(self._prior)
                self.priority.props("outlined dense stack-label").style("width: 7rem")
                self.priority.props["title"] = say("new.priority.help")
            self.command = self._code("new.command")
            self.yaml = self._code("new.yaml")
        sheet.on_change.append(self.follow)
        self.follow()

    def follow(self) -> None:
        """Show what the draft has become."""
        sheet, draft, said = self.sheet, self.sheet.draft, self._faults()
        chosen = bool(draft.value("data.uri"))
        self.yaml.set_text(draft.yaml() if draft.document else "")
        command = draft.command(on_cluster=sheet.on_cluster, upload_data=sheet.uploads)
        self.command.set_text(command if chosen else "")
        self.destination.follow()
        self.priority.set_visibility(not sheet.on_cluster)
        self.start.set_enabled(chosen and not said)
        self.nothing.set_visibility(not chosen)
        sheet.screen.tell(self.error, said)
        self.steps.clear()
        with self.steps:
            for key, places in plan(draft.spec()) if chosen and not said else ():
                with ui.element("li"):
                    ui.label(self.sheet.screen.say(key, **places))

    def _faults(self) -> str:
        if not self.sheet.draft.value("data.uri"):
            return ""
        try:
            self.sheet.draft.spec()
        except KanaryaError as error:
            return str(error).removeprefix("the form: ")
        return "; ".join(self.sheet.faults.values())

    def _code(self, key: str) -> ui.label:
        say = self.sheet.screen.say
        with ui.row().classes("full-width items-center justify-between no-wrap q-mt-sm"):
            ui.label(say(key)).classes("k-quiet")
            button = ui.button(icon="content_copy").props("flat dense round size=sm")
            button.props["aria-label"] = f"{say('frame.copy')}: {say(key)}"
        code = ui.label().classes("k-code k-mono").props("tabindex=0")

        def copy() -> None:
            ui.clipboard.write(code.text)
            ui.notify(say("frame.copied"))

        button.on_click(copy)
        return code

    def _same(self, event: Any) -> None:
        self.sheet.same_data = bool(event.value)

    def _prior(self, event: Any) -> None:
        self.sheet.priority = int(event.value or 0)

    async def _start(self) -> None:
        sheet = self.sheet
        try:
            asked = sheet.draft.asked(same_data=sheet.same_data)
        except KanaryaError as error:
            sheet.screen.notify(error)
            return
        self.start.disable()
        run_id = await (self._sent(asked) if sheet.on_cluster else self._queued(asked))
        if run_id:
            ui.navigate.to(f"/runs/{run_id}")
        else:
            self.start.enable()

    async def _queued(self, asked: Asked) -> str | None:
        screen, priority = self.sheet.screen, self.sheet.priority
        by, settings = screen.person.name, screen.world.settings.base
        return await screen.act(
            "run.start",
            asked.spec.name,
            lambda: enqueue(settings, asked, by=by, priority=priority),
            data=asked.spec.data.uri,
        )

    async def _sent(self, asked: Asked) -> str | None:
        """Start it on the cluster, which takes as long as its data takes to be copied."""
        sheet, screen = self.sheet, self.sheet.screen
        upload, actions = sheet.uploads, screen.world.run_actions
        note = ui.notification(screen.say("new.sending"), spinner=True, timeout=None)
        begun = await screen.act(
            "run.start",
            asked.spec.name,
            lambda: actions.start_there(asked, upload_data=upload),
            data=asked.spec.data.uri,
            on=CLUSTER,
            upload_data=upload,
        )
        note.dismiss()
        return begun.run_id if begun else None
