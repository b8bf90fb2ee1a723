"""Why a run is to be kept: what it made is served, may be gone back to, or has an alias."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from components import registry
from console.data.child import in_child
from serving.errors import KanaryaError
from serving.rollout.ledger import StoredLedger
from serving.rollout.live import standing
from serving.settings import Settings

if TYPE_CHECKING:
    from components.registry import Entry
    from pipelines.run_row import Row


class Registry:
    """The versions that MLflow knows, asked for once: for the runs that are deleted together."""

    def __init__(
        self, settings: Settings, listing: Callable[[], list[Entry]] = registry.listing
    ) -> None:
        self._settings, self._listing = settings, listing
        self._entries: list[Entry] | KanaryaError | None = None

    def aliases(self, model: str, version: str) -> list[str]:
        """Return the aliases of a version. Raises TrackingError where MLflow does not answer."""
        found = ((each.name, each.version, each.aliases) for each in self._known())
        return [
            alias for *which, aliases in found for alias in aliases if which == [model, version]
        ]

    def _known(self) -> list[Entry]:
        if self._entries is None:
            try:
                self._entries = in_child(self._settings, self._listing)
            except KanaryaError as error:  # it took its time, and so it would for every other run
                self._entries = error
        if isinstance(self._entries, KanaryaError):
            raise self._entries
        return self._entries


def uses(settings: Settings, row: Row, known: Registry) -> list[str]:
    """Return what needs the version that a run registered, as words: empty where nothing does.

    Raises KanaryaError where the ledger or MLflow cannot say it.
    """
    version = row.version or registered(settings.home / "runs" / row.run_id)
    if not version:
        return []
    said = list(_served(settings, row.model, version))
    if not said:  # MLflow takes seconds
        said = [f"is @{alias}" for alias in known.aliases(row.model, version)]
    return [f"{row.model} version {version} {why}" for why in said]


def registered(folder: Path) -> str:
    """Return the version that a run registered, also one that failed afterwards; "" if none."""
    found = sorted(folder.glob("artifacts/*/register*/executor_output.json"))
    try:
        record = json.loads(found[-1].read_text(encoding="utf-8")) if found else {}
    except (OSError, ValueError):
        return ""
    return str(record.get("parameterValues", {}).get("Output", ""))


def _served(settings: Settings, model: str, version: str) -> Iterator[str]:
    found = standing(StoredLedger(settings.ledger, settings.namespace).chain(model).records)
    before = next(found.live.older(), None) if found.live else None
    if found.live and found.live.model.version == version:
        yield "is live"
    if before and before.model.version == version:
        yield "is what a rollback goes back to"
    if found.beside and found.beside.entry.to.version == version:
        yield "is being rolled out"
