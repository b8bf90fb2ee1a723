"""The files that were sent earlier: take one again, or remove it, with a question first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from nicegui import ui

from console.data import upload_uses
from console.data.uploads import Upload, Uploads
from console.widgets.drop import in_words
from console.widgets.question import Question
from console.widgets.screen import Screen


class EarlierUploads:
    """A choice of them, the newest first; `use` gets the one that is chosen."""

    def __init__(
        self, screen: Screen, uploads: Sequence[Upload], use: Callable[[Upload], Awaitable[None]]
    ) -> None:
        self._screen, self._use = screen, use
        self._known = {f"{each.id}/{each.name}": each for each in uploads}
        self._choice = ui.select(self._options(), label=screen.say("new.earlier"))
        self._choice.on_value_change(self._chosen)
        self._choice.props("outlined dense stack-label").classes("col").style("min-width: 14rem")
        self._button = ui.button(icon="delete", on_click=self._asked)
        self._button.props("flat round color=grey-7").set_enabled(False)
        self._button.props["aria-label"] = screen.say("new.earlier.remove")
        self._question = Question(screen)

    def _options(self) -> dict[str, str]:
        return {key: _label(each) for key, each in self._known.items()}

    async def _chosen(self) -> None:
        chosen = self._known.get(self._choice.value or "")
        self._button.set_enabled(chosen is not None)
        if chosen is not None:
            await self._use(chosen)

    async def _asked(self) -> None:
        key, upload = self._choice.value, self._known[self._choice.value]
        say = self._screen.say
        sentence, do = say("new.earlier.ask", name=upload.name), say("new.earlier.remove")
        if await self._question.answered(sentence, do) and await self._removed(key, upload):
            self._known.pop(key)
            self._choice.set_options(self._options(), value=None)

    async def _removed(self, key: str, upload: Upload) -> bool:
        """Remove an upload, and say whether it was: not under a run that reads it."""
        world = self._screen.world
        uploads = Uploads.of(world.settings)

        def remove() -> bool:
            upload_uses.remove(uploads, world.runs, upload)
            return True

        return bool(await self._screen.act("upload.remove", key, remove))


def _label(upload: Upload) -> str:
    at = datetime.fromtimestamp(upload.at, UTC).astimezone()
    return f"{upload.name} · {in_words(upload.size)} · {at:%Y-%m-%d %H:%M}"
