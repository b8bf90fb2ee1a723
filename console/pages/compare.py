"""Runs side by side: `/compare?runs=a,b`."""

from __future__ import annotations

from nicegui import ui

from console.data import compare
from console.data.compare import Compared
from console.slowly import slowly
from console.widgets import comparison
from console.widgets.screen import Screen


async def build(screen: Screen) -> None:
    """Show what the runs were made of, what was measured and how they learned."""
    run_ids = compare.wanted(screen.query.get("runs", ""))
    world = screen.world
    found = await slowly(compare.compare, world.settings.base, world.runs, run_ids)
    for note in found.notes:
        screen.tell(ui.label().classes("k-quiet"), note)
    _summary(screen, found)
    comparison.measures(screen, found)
    comparison.curves(screen, found)
    comparison.lines(screen, found)


def _summary(screen: Screen, found: Compared) -> None:
    for place in range(1, len(found.rows)):
        same = screen.say(f"compare.model.{found.same_model[place]}".lower())
        letters = f"{comparison.letter(0)} / {comparison.letter(place)}"
        ui.label(f"{letters}: {same}").classes("k-quiet")
