"""The revisions of a service: the share that is asked for beside the one that is measured."""

from __future__ import annotations

from console.data.services import Revision, Service
from console.widgets.grid import Kind, Row, grid, renew
from console.widgets.parts import badge, milliseconds, percent
from console.widgets.screen import Screen

COLUMNS: dict[str, Kind] = {
    "name": "text",
    "version": "text",
    "role": "badges",
    "asked": "number",
    "measured": "number",
    "requests": "number",
    "errors": "number",
    "error_rate": "number",
    "p50": "number",
    "p95": "number",
    "total": "number",
    "url": "code",
}


class Revisions:
    """The table, renewed in place."""

    def __init__(self, screen: Screen, service: Service) -> None:
        self._screen = screen
        self._table = grid(screen, "revisions", COLUMNS, self._rows(service), "name")

    def show(self, service: Service) -> None:
        """Show the numbers as they are now."""
        renew(self._table, self._rows(service))

    def _rows(self, service: Service) -> list[Row]:
        return [self._row(revision) for revision in service.revisions]

    def _row(self, revision: Revision) -> Row:
        lately, say = revision.lately, self._screen.texts.percents
        return {
            "name": revision.name,
            "version": revision.version or "–",
            "role": [badge(self._screen, "revisions.role", revision.role)],
            "asked": say(f"{revision.percent} %"),
            "measured": say(percent(lately.share)),
            "requests": str(lately.requests),
            "errors": str(lately.errors),
            "error_rate": say(percent(lately.error_rate, 2)),
            "p50": milliseconds(lately.p50_s),
            "p95": milliseconds(lately.p95_s),
            "total": str(revision.total.requests),
            "url": revision.url,
        }
