"""A dialog that asks once more before anything is done."""

from __future__ import annotations

from nicegui import ui

from console.widgets.screen import Screen

RISKY = "unelevated color=negative"


class Question:
    """Asks in a sentence, and offers to do it or to let it be; `note` stands below the sentence."""

    def __init__(self, screen: Screen, note: str = "", back: str = "frame.cancel") -> None:
        self._looks = RISKY
        with ui.dialog() as self._dialog, ui.card().classes("k-card"):
            self._ask = ui.label().classes("k-strong k-sentence")
            if note:
                ui.label(note).classes("k-quiet")
            with ui.row().classes("justify-end full-width"):
                keep = ui.button(screen.say(back), on_click=lambda: self._dialog.submit(False))
                keep.props("flat no-caps color=grey-7 autofocus")
                self._do = ui.button(on_click=lambda: self._dialog.submit(True))
                self._do.props(f"no-caps {RISKY}")

    async def answered(self, sentence: str, do: str, looks: str = RISKY) -> bool:
        """Ask, and return whether the answer was yes; `do` and `looks`: of the button for it."""
        self._ask.set_text(sentence)
        self._do.set_text(do)
        self._do.props(f"no-caps {looks}", remove=self._looks)
        self._looks = looks
        return bool(await self._dialog)
