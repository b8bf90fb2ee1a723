"""Whether the ledgers of an installation are whole: a damaged one cannot be restored."""

from __future__ import annotations

from pathlib import Path

from pipelines.errors import BackupError
from serving.errors import KanaryaError
from serving.rollout.ledger import StoredLedger


def verified(place: Path) -> int:
    """Return how many ledgers there are in a folder; raise BackupError where one is damaged."""
    folders = sorted(path for path in place.glob("[!.]*") if path.is_dir())
    for folder in folders:
        service, _, namespace = folder.name.partition(".")
        try:
            StoredLedger(str(place), namespace or "default").chain(service)
        except KanaryaError as error:
            raise BackupError(f"the ledger of {service} is damaged: {error}") from error
    return len(folders)
