"""Restoring a backup: built beside the home, checked, and put in its place by one renaming."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from pipelines.backup import databases
from pipelines.backup.folder import BackupFolder
from pipelines.backup.ledgers import verified
from pipelines.backup.manifest import Item, Manifest
from pipelines.backup.rebase import rebase
from pipelines.errors import BackupError
from serving import lasting
from serving.errors import UsageError
from serving.moved import Moves
from serving.settings import Settings

THREADS = 2


@dataclass(frozen=True)
class Restored:
    """A home that was restored; `aside`: where the one lies that was there before."""

    home: Path
    manifest: Manifest
    ledgers: int
    aside: Path | None = None


def restore(
    folder: BackupFolder, home: Path, *, moment: str | None = None, force: bool = False
) -> Restored:
    """Make a home of a backup: all of it or nothing; what is there already is refused.

    `force` puts what is there aside. Raises UsageError or BackupError, naming what is damaged.
    """
    manifest = folder.chosen(moment)
    _refuse(home, force)
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        _sweep(home)
        building = home.with_name(f".{home.name}.{secrets.token_hex(4)}.restoring")
        building.mkdir(mode=0o700)
        try:
            with lasting.held(building):
                ledgers = _built(folder, manifest, building, home)
                aside = _swapped(building, home)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    except OSError as error:
        raise BackupError(
            f"{error.filename or home}: {error.strerror or error}; nothing was restored: "
            "make room, or give it to a user who may"
        ) from error
    return Restored(home, manifest, ledgers, aside)


def _built(folder: BackupFolder, manifest: Manifest, building: Path, home: Path) -> int:
    """Build what will be `home`; return how many ledgers were verified."""
    _fill(folder, manifest, building)
    rebase(building, Moves({then: str(home / now) for then, now in manifest.places.items()}))
    ledgers = _checked(building, manifest)
    _persist(building)
    return ledgers


def _refuse(home: Path, force: bool) -> None:
    if home.is_symlink() or (home.exists() and not home.is_dir()):
        raise UsageError(f"{home} is a link or a file; give a folder with --home")
    if not home.is_dir() or not any(home.iterdir()):
        return
    if not force:
        raise UsageError(
            f"{home} is not empty; give another folder with --home, or put it aside with --force"
        )
    _refuse_running(home)


def _refuse_running(home: Path) -> None:
    from pipelines import workers
    from serving.local import platform

    settings = Settings.from_env({"KANARYA_HOME": str(home)})
    if platform.status(settings).running or workers.status(settings).running:
        raise UsageError(f"{home} is in use; stop it first: KANARYA_HOME={home} kanarya down")


def _sweep(home: Path) -> None:
    """Remove what killed restorations of the same home have left."""
    for left in home.parent.glob(f".{home.name}.*.restoring"):
        with suppress(OSError), lasting.held(left):  # else somebody builds there just now
            shutil.rmtree(left, ignore_errors=True)


def _fill(folder: BackupFolder, manifest: Manifest, building: Path) -> None:
    for item in manifest.items:
        _inside(item)
    for parent in {(building / item.path).parent for item in manifest.items}:
        parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(_writer(folder, building), manifest.items):
            pass


def _inside(item: Item) -> None:
    path = PurePosixPath(item.path)
    if path.is_absolute() or ".." in path.parts:
        raise BackupError(f"the backup names {item.path!r}, which leaves the home: do not use it")


def _writer(folder: BackupFolder, building: Path) -> Callable[[Item], None]:
    def write(item: Item) -> None:
        target = building / item.path
        if item.link:
            target.symlink_to(item.link)
            return
        try:
            folder.objects.copy(item.sha256, target)
        except BackupError as error:
            raise BackupError(
                f"{error}, which holds {item.path}; nothing was restored: take another backup"
            ) from error
        target.chmod(item.mode)
        if item.mtime_ns:
            os.utime(target, ns=(item.mtime_ns, item.mtime_ns))

    return write


def _checked(building: Path, manifest: Manifest) -> int:
    """Check what was built as a whole; return how many ledgers were verified."""
    for path in sorted(building.rglob("*.db")):
        if databases.is_sqlite(path) and (found := databases.faults(path)):
            raise BackupError(f"{path.relative_to(building)} is damaged ({found}); take another")
    return verified(building / "ledger")


def _persist(building: Path) -> None:
    """Wait until every file is on the disk: a name that outlives a power cut stands for bytes."""
    files = [path for path in building.rglob("*") if path.is_file() and not path.is_symlink()]
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(lasting.synced, files):
            pass


def _swapped(building: Path, home: Path) -> Path | None:
    """Put the new home in its place; an old one is put aside, and back where that fails."""
    aside = None
    if home.is_dir() and any(home.iterdir()):
        aside = home.with_name(f"{home.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        home.rename(aside)
    try:
        building.rename(home)
    except OSError:
        if aside:
            with suppress(OSError):
                aside.rename(home)
        raise
    return aside
