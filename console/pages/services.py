"""All services: what is live, on which share, and how it does."""

from __future__ import annotations

from nicegui import ui

from console.data.services import Service
from console.slowly import slowly
from console.widgets.grid import Kind, Row, grid, said
from console.widgets.parts import STYLE, badge, path, percent
from console.widgets.screen import Screen

COLUMNS: dict[str, Kind] = {
    "name": "link",
    "state": "badges",
    "version": "text",
    "split": "text",
    "phase": "badges",
    "requests": "number",
    "error_rate": "number",
    "mode": "text",
    "url": "code",
    "trouble": "prose",
}


async def build(screen: Screen) -> None:
    """Show the services as they are now."""
    ui.add_head_html(STYLE)
    found = await slowly(screen.world.services.all)
    grid(screen, "services", COLUMNS, [_row(screen, each) for each in found], "name")


def _row(screen: Screen, service: Service) -> Row:
    requests, errors, percents = service.requests, service.errors, screen.texts.percents
    return {
        "name": service.name,
        "name_to": path("services", service.name),
        "state": [badge(screen, "services.state", service.state)],
        "version": service.version or "–",
        "split": percents(split_of(service)) or "–",
        "phase": [badge(screen, "services.phase", service.phase)] if service.phase else [],
        "requests": str(requests),
        "error_rate": percents(percent(errors / requests if requests else None, 2)),
        "mode": service.mode,
        "url": service.url,
        **said(screen, "trouble", service.complaint or service.trouble),
    }


def split_of(service: Service) -> str:
    """Return who gets how much, as a line."""
    shares = [each for each in service.revisions if each.percent]
    return ", ".join(f"{each.version or each.name} {each.percent} %" for each in shares)
