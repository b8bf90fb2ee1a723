"""Why a run is to be kept: what it made is served, may be gone back to, or has an alias."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components import registry
from console.data.child import in_child
from pipelines.journal import RunFolder
from serving.rollout.ledger import StoredLedger
from serving.rollout.live import standing
from serving.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.registry import Entry

REGISTER = "register"


def uses(settings: Settings, model: str, run_id: str) -> list[str]:
    """Return what needs the model that a run made, as words: empty where nothing does.

    Raises KanaryaError where the ledger or MLflow cannot say it.
    """
    folder = RunFolder(settings.home / "runs" / run_id)
    if all(step.name != REGISTER for step in folder.steps()):
        return []
    entries = in_child(settings, registry.listing, model)
    made = [entry for entry in entries if entry.tags.get(registry.RUN) == run_id]
    return [why for entry in made for why in (*_aliases(entry), *_served(settings, entry))]


def _aliases(entry: Entry) -> Iterator[str]:
    for alias in entry.aliases:
        yield f"{entry.name} version {entry.version} is @{alias}"


def _served(settings: Settings, entry: Entry) -> Iterator[str]:
    found = standing(StoredLedger(settings.ledger, settings.namespace).chain(entry.name).records)
    version = f"{entry.name} version {entry.version}"
    if found.live and found.live.model.version == entry.version:
        yield f"{version} is live"
    before = next(found.live.older(), None) if found.live else None
    if before and before.model.version == entry.version:
        yield f"{version} is what a rollback goes back to"
    if found.beside and found.beside.entry.to.version == entry.version:
        yield f"{version} is being rolled out"
