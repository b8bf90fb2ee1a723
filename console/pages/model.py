"""One model: its versions, where each comes from, what was decided, and a question to it."""

from __future__ import annotations

import asyncio

from nicegui import background_tasks, ui

from console.data.versions import CHAMPION, Model
from console.widgets.lineage import Lineage
from console.widgets.model_versions import Versions
from console.widgets.parts import STYLE, Facts, crumbs, heading
from console.widgets.screen import Screen
from console.widgets.status import moment
from console.widgets.try_it import TryIt
from serving.errors import KanaryaError

FACTS = ("live", "previous", "staging", "kind", "task", "versions", "created")


async def build(screen: Screen) -> None:
    """Show a model as the files tell of it, then as the registry does."""
    name = str(screen.params["name"])
    models = screen.world.models
    found = await asyncio.to_thread(models.one, name)
    ui.add_head_html(STYLE)
    crumbs(screen, "/models", "nav.models", name)
    facts = Facts(screen, "models", FACTS)
    trouble = ui.label().classes("k-wait").props('role="status"')
    heading(screen.say("models.lineage"))
    lineage = Lineage(screen, found)
    heading(screen.say("versions.title"))
    versions = Versions(screen, found, lineage.choose)
    await TryIt(screen, found).build()
    _show(facts, found)
    await lineage.show(found)

    async def confirm() -> None:
        try:
            await asyncio.to_thread(models.confirm)
            known = await asyncio.to_thread(models.one, name)
            _show(facts, known)
            versions.show(known)
            await lineage.show(known)
        except (KanaryaError, OSError) as error:
            trouble.set_text(screen.say("models.unconfirmed", why=error))

    task = background_tasks.create(confirm(), name=f"confirm {name}")
    ui.context.client.on_delete(task.cancel)


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
