"""What lies at a model's uri: the sha256 of its manifest, and whether its bytes are still those."""

from __future__ import annotations

import tempfile
from pathlib import Path

from serving import storage
from serving.errors import KanaryaError, ModelError, UsageError
from serving.manifest import MANIFEST, entry_of, verify


def manifest_sha256(uri: str) -> str | None:
    """Return the sha256 of the model's MANIFEST.json, None where it cannot be read from here."""
    try:
        data = storage.read(storage.join(uri, MANIFEST))
    except KanaryaError:
        return None
    return None if data is None else entry_of(MANIFEST, data).sha256


def check_unchanged(uri: str, sha256: str) -> None:
    """Raise `ModelError` unless every byte at `uri` is what the manifest of that sha256 lists.

    Raises PlatformError where nobody can tell, since the store is away.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            directory = storage.fetch(uri, Path(folder) / "model")
        except UsageError as error:
            raise ModelError(f"it cannot be read any more: {error}") from error
        own = verify(directory).own
    if own is None or own.sha256 != sha256:
        raise ModelError(
            f"{uri} is another model than the one that was live: its {MANIFEST} has sha256 "
            f"{own.sha256[:12] if own else '?'}…, the ledger says {sha256[:12]}…."
        )
