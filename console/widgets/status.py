"""A status as a word in its colour."""

from __future__ import annotations

from nicegui import ui

from console.widgets.screen import Screen

GOOD = frozenset({"succeeded", "promoted", "finished", "passed", "good"})
BAD = frozenset({"failed", "rejected", "rolled_back", "killed", "damaged", "conflict", "bad"})
NONE = frozenset({"pending", "skipped", "cancelled", "queued", "unknown"})


def level(status: str) -> str:
    """Return good, bad, wait or none."""
    if status in GOOD:
        return "good"
    return "bad" if status in BAD else "none" if status in NONE else "wait"


class Badge(ui.label):
    """A status that may change, in the words of a table of the catalogue."""

    def __init__(self, screen: Screen, prefix: str = "run.status") -> None:
        super().__init__()
        self._screen, self._prefix = screen, prefix
        self._shown, self._level = "", "none"
        self.classes("k-badge k-none")

    def show(self, status: str) -> None:
        """Show another status."""
        if status == self._shown:
            return
        key = f"{self._prefix}.{status}"
        known = self._screen.texts.has(key)
        self.set_text(self._screen.say(key) if known else status.replace("_", " "))
        self.classes(remove=f"k-{self._level}", add=f"k-{level(status)}")
        self._shown, self._level = status, level(status)
