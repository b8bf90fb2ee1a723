"""A model directory that was verified: what is read from it is what was verified, always."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from serving import plain_files, signing
from serving.errors import ModelError
from serving.manifest import MANIFEST, Manifest, compare, entry_of, verify


@dataclass(frozen=True)
class Sealed:
    """A directory and its verified manifest."""

    directory: Path
    manifest: Manifest

    def read(self, path: str, limit: int) -> bytes:
        """Return the bytes of a file, verified anew: it may have been replaced since.

        What is parsed are these bytes, never the file again. Raises `ModelError` where the file is
        missing, was changed, or has more than `limit` bytes.
        """
        data = plain_files.read(self.directory / path, limit)
        entry = self.manifest.entry(path)
        if entry is None:
            raise ModelError(f"{self.directory / path} is not listed in {MANIFEST}.")
        compare(self.directory, entry, entry_of(path, data))
        return data


def verified(directory: Path, public_key: Path | None = None) -> Sealed:
    """Return a directory that agrees with its manifest and, where a key is given, is signed by it.

    Raises `ModelError` naming the file that was changed, is missing or extra, or is not signed.
    """
    manifest = verify(directory)
    if public_key is not None:
        signing.check(directory, manifest, public_key)
    return Sealed(directory, manifest)
