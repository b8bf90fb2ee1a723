"""One model: its versions, where each comes from, what was decided, and a question to it."""

from __future__ import annotations

import asyncio

from nicegui import ui

from console.data.times import moment
from console.data.versions import CHAMPION, Model
from console.data.watched import watched
from console.slowly import slowly
from console.widgets.going_back import GoingBack
from console.widgets.lineage import Lineage
from console.widgets.model_versions import Versions
from console.widgets.parts import STYLE, Facts, crumbs, heading
from console.widgets.rollout import RolloutPanel
from console.widgets.screen import Screen
from console.widgets.try_it import TryIt
from console.widgets.watched import WatchedPanel
from serving.errors import KanaryaError

FACTS = ("live", "previous", "staging", "kind", "task", "versions", "created")


async def build(screen: Screen) -> None:
    """Show a model as the files tell of it, then as the registry does, and what changes after."""
    name = str(screen.params["name"])
    found = await slowly(screen.world.models.one, name)
    ui.add_head_html(STYLE)
    crumbs(screen, "/models", "nav.models", name)
    parts = Parts(screen, found)
    await parts.try_it.build()
    RolloutPanel(screen).follow(name)
    await parts.show(found)
    screen.follow(screen.world.services.feed(name).watch(), lambda _: parts.renew())


class Parts:
    """The parts of the page that follow what is decided."""

    def __init__(self, screen: Screen, found: Model) -> None:
        self._screen, self._name = screen, found.name
        self._confirmed = False
        self._facts = Facts(screen, "models", FACTS)
        self._trouble = ui.label().classes("k-wait").props('role="status"')
        heading(screen.say("models.lineage"))
        self._lineage = Lineage(screen, found)
        heading(screen.say("versions.title"))
        self._versions = Versions(screen, found, self._lineage.choose)
        self._back = GoingBack(screen, found)
        self._watched = WatchedPanel(screen)
        self.try_it = TryIt(screen, found)

    async def renew(self) -> None:
        """Show what is known; the registry is asked first where that is due."""
        try:
            await slowly(self._confirm)
        except (KanaryaError, OSError) as error:
            self._trouble.set_text(
                self._screen.say("models.unconfirmed", why=self._screen.told(error).text)
            )
        await self.show(await slowly(self._screen.world.models.one, self._name))

    def _confirm(self) -> None:
        models, name = self._screen.world.models, self._name
        again = models.outdated(name) and models.settled(name)
        if again or not self._confirmed:
            self._confirmed = True  # once a visit: an outage is not asked about every two seconds
            models.confirm(again=again)

    async def show(self, model: Model) -> None:
        """Show the model as it is known now."""
        _show(self._facts, model)
        self._versions.show(model)
        self._back.show(model)
        base = self._screen.world.settings.base
        self._watched.show(await asyncio.to_thread(watched, base, model.name))
        await self._lineage.show(model)


def _show(facts: Facts, model: Model) -> None:
    named = {key: model.alias(key) for key in ("previous", "staging")}
    live, newest = model.alias(CHAMPION), model.versions[0]
    facts.show(
        live=live.version if live else "–",
        **{key: each.version if each else "–" for key, each in named.items()},
        kind=newest.kind,
        task=newest.task,
        versions=str(len(model.versions)),
        created=moment(newest.created) if newest.created else "–",
    )
