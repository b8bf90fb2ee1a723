"""The versions of a model as a table; one of them is looked at more closely."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from console.data.times import moment
from console.data.versions import HEADLINES, Model, Version
from console.widgets.grid import Kind, Row, grid, renew, said
from console.widgets.parts import badge, path, word
from console.widgets.screen import Screen
from serving.figures import figure

COLUMNS: dict[str, Kind] = {
    "version": "number",
    "aliases": "badges",
    "gate": "badges",
    "rollout": "badges",
    "metrics": "prose",
    "kind": "text",
    "run": "link",
    "data": "code",
    "created": "text",
    "card": "link",
    "why": "prose",
}
ALIAS_LEVELS = {"champion": "good", "staging": "wait"}
MOST_METRICS = 3
SHORT = 12
"""Signs of a sha256 that tell it from others."""


class Versions:
    """The table; a click on a row chooses the version whose lineage is shown."""

    def __init__(
        self, screen: Screen, model: Model, choose: Callable[[str], Awaitable[None]]
    ) -> None:
        self._screen = screen
        self._table = grid(screen, "versions", COLUMNS, self._rows(model), "version")

        async def chosen(event: object) -> None:
            await choose(event.args[1]["version"])  # type: ignore[attr-defined]

        self._table.on("row-click", chosen, [[], ["version"], None])

    def show(self, model: Model) -> None:
        """Show what has become known since."""
        renew(self._table, self._rows(model))

    def _rows(self, model: Model) -> list[Row]:
        return [self._row(version) for version in model.versions]

    def _row(self, version: Version) -> Row:
        rolled = version.rollout
        stands = rolled.outcome if rolled else "registered"
        return {
            "version": version.version,
            "aliases": [
                (ALIAS_LEVELS.get(alias, "none"), word(self._screen, "versions.alias", alias))
                for alias in version.aliases
            ],
            "gate": [badge(self._screen, "versions.gate", version.gate)] if version.gate else [],
            "rollout": [badge(self._screen, "models.outcome", stands)],
            "metrics": ", ".join(f"{name} {figure(value)}" for name, value in best_known(version)),
            "kind": version.kind,
            "run": version.run or "–",
            "run_to": path("runs", version.run) if version.run else "",
            "data": version.data_sha256[:SHORT],
            "created": moment(version.created) if version.created else "–",
            "card": self._screen.say("versions.open") if rolled else "–",
            "card_to": path("models", version.name, "decisions", rolled.id) if rolled else "",
            **said(self._screen, "why", version.trouble or (rolled.why if rolled else "")),
        }


def best_known(version: Version) -> list[tuple[str, float]]:
    """Return the few metrics that versions are compared by."""
    names = [name for name in HEADLINES if name in version.metrics]
    return [(name, version.metrics[name]) for name in names[:MOST_METRICS]]
