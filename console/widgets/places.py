"""Which places beside this machine the table of runs is made of, and what is wrong with them."""

from __future__ import annotations

from nicegui import ui

from console.data.elsewhere import Place
from console.widgets.screen import Screen


class PlacesSeen:
    """A line for each place; nothing where all runs are of this machine."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._known: tuple[Place, ...] = ()
        self._lines = ui.element("div").props("role=status")
        self.show()

    def show(self) -> None:
        """Show how the places stand now."""
        places = self._screen.world.elsewhere.places()
        if places == self._known:
            return
        self._known = places
        self._lines.clear()
        with self._lines:
            for place in places:
                trouble = "k-wait" if place.trouble else "k-quiet"
                ui.label(self._said(place)).classes(trouble)

    def _said(self, place: Place) -> str:
        say, address = self._screen.say, place.address
        why = self._screen.told(place.trouble).text
        if place.trouble and not place.runs:
            return say("runs.place.trouble", why=why)
        if place.trouble:
            return say("runs.place.old", why=why, count=place.runs)
        if not place.asked:
            return say("runs.place.asking", address=address)
        return say(f"runs.place.{place.kind}", address=address, count=place.runs)
