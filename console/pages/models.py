"""All registered models: what is live of each, and how its newest version did."""

from __future__ import annotations

import asyncio

from nicegui import background_tasks, ui

from console.data.times import moment
from console.data.versions import CHAMPION, Model, Version
from console.slowly import slowly
from console.widgets.grid import Kind, Row, grid, renew
from console.widgets.parts import STYLE, badge, path
from console.widgets.screen import Screen
from serving.errors import KanaryaError
from serving.figures import figure

COLUMNS: dict[str, Kind] = {
    "name": "link",
    "live": "text",
    "newest": "text",
    "metric": "number",
    "rollout": "badges",
    "kind": "text",
    "versions": "number",
    "created": "text",
    "service": "link",
}


async def build(screen: Screen) -> None:
    """Show the models as the files tell of them, then as the registry does."""
    ui.add_head_html(STYLE)
    models = screen.world.models
    rows = _rows(screen, await asyncio.to_thread(models.known))
    table = grid(screen, "models", COLUMNS, rows, "name")
    table.set_visibility(bool(rows) or models.asked)  # or it would say that there is none
    trouble = ui.label().classes("k-wait").props('role="status"')
    if not models.asked:
        trouble.set_text(screen.say("models.asking"))

    async def confirm() -> None:
        try:
            await slowly(models.confirm)
            renew(table, _rows(screen, await asyncio.to_thread(models.known)))
            table.set_visibility(True)
            trouble.set_text("")
        except (KanaryaError, OSError) as error:
            trouble.set_text(screen.say("models.unconfirmed", why=screen.told(error).text))

    task = background_tasks.create(confirm(), name="confirm the models")
    ui.context.client.on_delete(task.cancel)


def _rows(screen: Screen, models: tuple[Model, ...]) -> list[Row]:
    return [_row(screen, model) for model in models if model.versions]


def _row(screen: Screen, model: Model) -> Row:
    newest, live = model.versions[0], model.alias(CHAMPION)
    return {
        "name": model.name,
        "name_to": path("models", model.name),
        "live": live.version if live else "–",
        "newest": newest.version,
        "metric": metric_of(live or newest),
        "rollout": [badge(screen, "models.outcome", _standing(newest))],
        "kind": newest.kind,
        "versions": str(len(model.versions)),
        "created": moment(newest.created) if newest.created else "–",
        "service": screen.say("models.open") if live else "–",
        "service_to": path("services", model.name) if live else "",
    }


def metric_of(version: Version) -> str:
    """Return the metric that stands for a version, with its name."""
    found = version.headline
    return f"{found[0]} {figure(found[1])}" if found else "–"


def _standing(version: Version) -> str:
    return version.rollout.outcome if version.rollout else "registered"
