"""What the page of a new run knows while somebody fills it in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.data import form
from console.data.draft import Draft
from console.data.form import Field
from console.data.preview import Pictures, Preview, are_pictures, pictures, preview
from console.slowly import slowly
from console.widgets.screen import Screen
from pipelines.spec import located
from serving.errors import KanaryaError

Hear = Callable[[], None]


@dataclass
class Sheet:
    """The draft, the data it is about, and who hears of changes.

    `upload_data`: whether data of this machine is copied for a run on a cluster. `faults`: what was
    filled in and cannot be read, by path. `on_data`, `on_model`: called when other data was chosen,
    or another task or kind; `on_change`: after everything.
    """

    screen: Screen
    draft: Draft
    same_data: bool = True
    priority: int = 0
    on_cluster: bool = False
    upload_data: bool = True
    preview: Preview | None = None
    pictures: Pictures | None = None
    refused: str = ""
    faults: dict[str, str] = field(default_factory=dict)
    on_data: list[Hear] = field(default_factory=list)
    on_model: list[Hear] = field(default_factory=list)
    on_change: list[Hear] = field(default_factory=list)

    async def use(self, uri: str) -> None:
        """Take other data, and look at its first rows where it is a table."""
        uri = located(uri, Path())
        await self.look(uri)
        before = self._model()
        if not self.refused:
            columns = self.preview.columns if self.preview else ()
            self.draft = self.draft.with_data(uri, columns)
        self.told(*self.on_data, *(self.on_model if self._model() != before else ()))

    async def look(self, uri: str = "") -> None:
        """Read the first rows or pictures of these data, or of those that the draft has."""
        self.preview, self.pictures, self.refused = None, None, ""
        uri = uri or str(self.draft.value("data.uri"))
        if are_pictures(uri) or (
            uri == self.draft.value("data.uri") and self._model()[0] == "image"
        ):
            await self._look_at_pictures(uri)
            return
        try:
            self.preview = await slowly(preview, self._settings, uri)
        except (KanaryaError, OSError) as error:
            self.refused = str(error)
            if Path(uri).is_dir():  # without a table: it may hold pictures
                await self._look_at_pictures(uri)

    async def _look_at_pictures(self, uri: str) -> None:
        try:
            self.pictures = await slowly(pictures, self._settings, uri)
            self.refused = ""
        except (KanaryaError, OSError) as error:
            self.refused = str(error)

    def fill(self, found: Field, given: Any) -> None:
        """Take what was filled in; empty means the default."""
        self.faults.pop(found.path, None)
        try:
            if given is None or given == "" or given == found.default:
                self.draft = self.draft.with_default(found.path)
            else:
                self.draft = self.draft.with_value(found.path, form.read(found, given))
        except KanaryaError as error:
            self.faults[found.path] = str(error)
        self.told()

    def change(self, draft: Draft) -> None:
        """Take another draft; a new task or kind is told to those who show it."""
        before = self._model()
        self.draft = draft
        self.told(*(self.on_model if self._model() != before else ()))

    @property
    def uploads(self) -> bool:
        """Say whether data is copied to where a cluster can read it."""
        return self.on_cluster and self.upload_data and self.draft.is_local

    def told(self, *first: Hear) -> None:
        """Tell all who listen."""
        if self.on_model and any(hear in first for hear in self.on_model):
            self.faults.clear()
        for hear in (*first, *self.on_change):
            hear()

    def _model(self) -> tuple[str, str]:
        return self.draft.task, self.draft.kind

    @property
    def _settings(self) -> Any:
        return self.screen.world.settings.base
