"""Alerts: what is wrong, of what nobody is told and till when, who is told, what they were told."""

from __future__ import annotations

import asyncio
from functools import partial

from nicegui import ui

from console.data.alerts import Standing
from console.widgets import alert_tables
from console.widgets.parts import heading
from console.widgets.screen import Said, Screen
from console.widgets.silencing import silence_dialog
from pipelines.alerts.deciding import FIRING, PENDING, Silence
from pipelines.alerts.silencing import ALL, Quiet
from pipelines.enqueue import wanted

FIGURES = ("firing", "pending", "silences", "waiting")


async def build(screen: Screen) -> None:
    """Show the alerts, and follow them."""
    first = await asyncio.to_thread(screen.world.alerts.standing)
    page = AlertsPage(screen)
    page.show(first)
    screen.follow(screen.world.alert_changes.watch(), page.show)


class AlertsPage:
    """The page's parts, and what a newer standing changes in them."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        with ui.row().classes("k-actions items-center full-width").props('role="toolbar"') as bar:
            bar.props(f'aria-label="{screen.say("alerts.actions")}"')
            self._test = self._button("test", "send", self._tested)
            self._all = self._button("silence_all", "notifications_off", self._everything)
        self._trouble = ui.label().classes("k-bad").props('role="alert"')
        self._nobody = ui.label().classes("k-wait").props('role="status"')
        if screen.world.settings.cluster:
            ui.label(screen.say("alerts.of_cluster")).classes("k-quiet k-sentence")
        with ui.element("dl").classes("k-figures"):
            self._figures = {name: self._figure(name) for name in FIGURES}
        heading(screen.say("alerts.wrong"))
        self._wrong = alert_tables.wrong(screen, self._silence)
        heading(screen.say("alerts.silences"))
        self._silences = alert_tables.silences(screen, self._end)
        heading(screen.say("alerts.told"))
        self._told = alert_tables.told(screen)
        heading(screen.say("alerts.deliveries"))
        self._deliveries = alert_tables.deliveries(screen)
        with ui.expansion(screen.say("alerts.rules")).classes("full-width k-fold"):
            self._rules = alert_tables.rules(screen, lambda rule: self._silence(rule, ""))

    def show(self, found: Standing) -> None:
        """Show the alerts as they are now."""
        self.screen.tell_all(self._trouble, found.troubles)
        self._nobody.set_text(self._warning(found))
        self._nobody.set_visibility(bool(self._nobody.text))
        counts = (found.count(FIRING), found.count(PENDING), len(found.silences), found.waiting)
        for name, count in zip(FIGURES, counts, strict=True):
            self._figures[name].set_text(str(count))
        self._wrong.show({f"{each.rule} {each.subject}": each for each in found.wrong})
        self._silences.show({f"{each.rule} {each.subject}": each for each in found.silences})
        self._told.show({each.receiver.name: each for each in found.told})
        newest = {f"{each.receiver} {each.alert.id}": each for each in found.deliveries}
        self._deliveries.show(newest)
        self._rules.show({each.name: each for each in found.rules})
        may = self.screen.operates
        self._test.set_enabled(may and any(each.configured for each in found.told))
        self._all.set_enabled(may and found.looked)

    def _warning(self, found: Standing) -> str:
        if not found.looked:
            return self.screen.say("alerts.nobody_looked") if wanted() else ""  # nobody in a pod
        told = any(each.configured for each in found.told)
        return "" if told else self.screen.say("alerts.nobody_told")

    async def _tested(self) -> None:
        said = await self.screen.act("alerts.test", "receivers", self.screen.world.alerts.try_out)
        for name, why in (said or {}).items():
            came = Said(f"{name}: {self.screen.say('alerts.came')}")
            self.screen.notify(f"{name}: {why}" if why else came, "negative" if why else "positive")

    async def _everything(self) -> None:
        await self._silence(ALL, "")

    async def _silence(self, rule: str, subject: str) -> None:
        if asked := await silence_dialog(self.screen, rule, subject):
            await self._kept(asked)

    async def _end(self, found: Silence) -> None:
        await self._kept(Quiet(found.rule or ALL, found.subject, 0.0))

    async def _kept(self, asked: Quiet) -> None:
        do = partial(self.screen.world.alerts.silence, asked, self.screen.person.name)
        detail = {"about": asked.subject, "hours": f"{asked.hours:g}", "why": asked.why}
        if await self.screen.act("alerts.silence", asked.rule, do, **detail):
            self.show(await asyncio.to_thread(self.screen.world.alerts.standing))

    def _button(self, name: str, icon: str, act: object) -> ui.button:
        button = ui.button(self.screen.say(f"alerts.{name}"), icon=icon, on_click=act)  # type: ignore[arg-type]
        return button.props("flat dense no-caps")

    def _figure(self, name: str) -> ui.label:
        with ui.element("div"):
            with ui.element("dt"):
                ui.label(self.screen.say(f"alerts.figure.{name}"))
            with ui.element("dd"):
                return ui.label().classes("k-number")
