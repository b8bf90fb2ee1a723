"""Publishing: a model directory gets its version and its place in one atomic step."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from serving import lasting, signing
from serving.card import read_card, write_card
from serving.errors import ModelError, PlatformError
from serving.manifest import Manifest, check, seal, verify


def publish(source: Path, destination: Path, version: str, signing_key: Path | None = None) -> None:
    """Copy the sealed directory `source` to `destination` as `version`: all of it or nothing.

    With a key it is signed, in the same step. Raises `ModelError` where `source` is damaged or
    `destination` exists, `UsageError` where the key cannot sign, and `PlatformError` where the disk
    is full or may not be written; nothing is left behind then.
    """
    manifest = verify(source)
    _refuse_existing(destination)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with _workplace(destination) as partial:
            _fill(partial, source, manifest)
            card = read_card(partial).with_version(version)
            write_card(partial, card)
            sealed = seal(partial)
            if signing_key:
                signing.sign(partial, sealed, signing_key, f"{card.name}-{version}")
            _persist(partial)
            _move(partial, destination)
    except OSError as error:
        raise PlatformError(
            f"{destination} could not be written ({error.strerror}) and nothing was published: "
            "make room there and try again."
        ) from error


def _refuse_existing(destination: Path) -> None:
    if destination.exists() or destination.is_symlink():
        raise ModelError(f"{destination} exists already; a published version is never changed.")


def _fill(partial: Path, source: Path, manifest: Manifest) -> None:
    for entry in manifest.files:
        target = partial / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / entry.path, target, follow_symlinks=False)
    # The source may have changed while it was copied: the copy must still be what was verified.
    check(partial, manifest)


def _persist(directory: Path) -> None:
    for folder, _, names in os.walk(directory):
        for name in [*names, "."]:
            lasting.synced(Path(folder) / name)


@contextmanager
def _workplace(destination: Path) -> Iterator[Path]:
    """Lend an empty directory next to `destination`; whatever is still there afterwards goes."""
    _sweep(destination)
    partial = destination.with_name(f".{destination.name}.{secrets.token_hex(4)}.partial")
    partial.mkdir()
    try:
        # The lock says that its owner lives; the system drops it with the process.
        with lasting.held(partial):
            yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sweep(destination: Path) -> None:
    """Remove what publishers of the same destination left when they were killed."""
    for left in destination.parent.glob(f".{destination.name}.*.partial"):
        # Somebody else works there, or swept it first: both are fine.
        with suppress(OSError), lasting.held(left):
            shutil.rmtree(left, ignore_errors=True)


def _move(partial: Path, destination: Path) -> None:
    _refuse_existing(destination)
    partial.rename(destination)
    lasting.synced(destination.parent)
