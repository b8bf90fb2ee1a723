"""One service: its revisions as they do now, its rollout, and everything that was decided."""

from __future__ import annotations

from nicegui import ui

from console.data.live_quality import Live
from console.data.services import Service
from console.slowly import slowly
from console.widgets.ledger import Ledger
from console.widgets.live_quality import LiveQuality
from console.widgets.parts import STYLE, Facts, badge, crumbs, heading, path
from console.widgets.revisions import Revisions
from console.widgets.rollout import RolloutPanel
from console.widgets.screen import Screen
from console.widgets.service_charts import ServiceCharts
from console.widgets.watched import WatchedPanel

FACTS = ("version", "canary", "phase", "mode", "url", "uri")


async def build(screen: Screen) -> None:
    """Show a service, and go on showing it while somebody looks."""
    name = str(screen.params["name"])
    services = screen.world.services
    found = await slowly(services.one, name)
    ui.add_head_html(STYLE)
    crumbs(screen, "/services", "nav.services", name)
    top = Top(screen)
    ui.link(screen.say("services.model"), path("models", name))
    heading(screen.say("revisions.title"))
    revisions = Revisions(screen, found)
    heading(screen.say("services.charts"))
    charts = ServiceCharts(screen)
    quality, drift = LiveQuality(screen), WatchedPanel(screen)
    RolloutPanel(screen).follow(name)
    heading(screen.say("ledger.title"))
    ledger = Ledger(screen, name)
    await ledger.show()

    async def show(service: Service) -> None:
        top.show(service)
        revisions.show(service)
        charts.show(service)
        await ledger.show()

    def tell(known: Live) -> None:
        quality.show(known)
        drift.show(known.watched)

    await show(found)
    screen.follow(services.feed(name).watch(), show)
    screen.follow(screen.world.watching.live(name).watch(), tell)


class Top:
    """The state of the service, with what is wrong with it."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._state = ui.label().classes("k-badge")
        self._level = ""
        self._facts = Facts(screen, "services", FACTS)
        self._trouble = ui.label().classes("k-wait").props('role="status"')

    def show(self, service: Service) -> None:
        """Show it as it is now."""
        level, told = badge(self._screen, "services.state", service.state)
        self._state.classes(remove=f"k-{self._level}", add=f"k-{level}")
        self._state.set_text(told)
        self._level = level
        self._screen.tell(
            self._trouble, " ".join(filter(None, (service.complaint, service.trouble)))
        )
        phase = badge(self._screen, "services.phase", service.phase)[1] if service.phase else ""
        self._facts.show(
            version=service.version,
            canary=service.canary,
            phase=phase,
            mode=service.mode,
            url=service.url,
            uri=service.uri,
        )
