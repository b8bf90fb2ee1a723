"""Making a backup while everything runs, and verifying one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pipelines.backup import databases, ledgers, newest
from pipelines.backup.alone import alone, home_lock
from pipelines.backup.folder import BackupFolder
from pipelines.backup.gather import POSTGRES_DUMP, Installation, Source, installation, sources
from pipelines.backup.manifest import Item, Manifest
from pipelines.errors import BackupError
from serving.errors import UsageError
from serving.settings import Settings
from serving.storage import local_path

THREADS = 2
_FRESH_NS = 2 * 10**9
"""A file that changed so lately may change again without another time."""


@dataclass(frozen=True)
class Made:
    """A backup that was made and read back; `new`: objects that no earlier one had."""

    manifest: Manifest
    new: int
    new_bytes: int
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Work:
    """One backup under way."""

    folder: BackupFolder
    before: Mapping[str, Item]
    now_ns: int
    scratch: Path
    fresh: set[str] = field(default_factory=set)


def make(
    settings: Settings,
    folder: BackupFolder,
    keep: int | None = None,
    moment: datetime | None = None,
) -> Made:
    """Back an installation up, read back what was written, then let go of the oldest backups.

    Raises BackupError or UsageError; a backup that was not finished is none.
    """
    if not settings.home.is_dir():
        raise UsageError(f"there is nothing to back up: {settings.home} is not there")
    found = installation(settings)
    try:
        folder.prepare()
        with folder.locked(), alone(home_lock(settings.home)):
            folder.sweep()
            _require_ledgers(settings)
            made = _made(settings, found, folder, moment or datetime.now(UTC))
            newest.write(settings.home, newest.Newest(made.manifest.created, str(folder.root)))
            removed = folder.keep(keep) if keep else []
    except OSError as error:
        raise BackupError(
            f"{error.filename or folder.root}: {error.strerror or error}; nothing was backed up: "
            "make room, or give it to a user who may"
        ) from error
    return Made(made.manifest, made.new, made.new_bytes, tuple(removed))


def _require_ledgers(settings: Settings) -> None:
    """Raise BackupError where one is damaged: nobody could restore it, and `keep` drops others."""
    place = local_path(settings.ledger)
    if place is not None:
        ledgers.verified(place)


def _made(settings: Settings, found: Installation, folder: BackupFolder, now: datetime) -> Made:
    last = folder.newest()
    before = {item.path: item for item in last.items} if last else {}
    with tempfile.TemporaryDirectory(dir=folder.objects.root, suffix=".partial") as scratch:
        now_ns = int(now.timestamp() * 10**9)
        work = _Work(folder, before, now_ns, Path(scratch))
        items = tuple(_items(work, found))
    manifest = Manifest(now, settings.namespace, found.places, items, found.notes)
    _require_whole(folder, _holders(manifest), work.fresh)
    folder.write(manifest)
    new_bytes = sum(folder.objects.path(sha256).stat().st_size for sha256 in work.fresh)
    return Made(manifest, len(work.fresh), new_bytes)


def _items(work: _Work, found: Installation) -> Iterator[Item]:
    """Yield the databases one after the other, then all other files, some at once."""
    if found.postgres:
        dump = work.scratch / POSTGRES_DUMP
        databases.dump_postgres(found.postgres, dump)
        yield _stored(work, Source(POSTGRES_DUMP, dump))
    files = sources(found, work.folder.root)
    with ThreadPoolExecutor(THREADS) as pool:
        ours = [source for source in files if source.is_database and _is_live(source)]
        yield from (_database(work, source) for source in ours)
        rest = sorted(set(files) - set(ours), key=lambda source: source.path)
        for item in pool.map(partial(_item, work), rest):
            if item:
                yield item


def _is_live(source: Source) -> bool:
    try:
        return not source.file.is_symlink() and databases.is_sqlite(source.file)
    except FileNotFoundError:
        return False


def _database(work: _Work, source: Source) -> Item:
    copy = work.scratch / "copy.db"
    databases.snapshot(source.file, copy)
    mode = source.file.stat().st_mode & 0o7777
    item = _stored(work, Source(source.path, copy))
    copy.unlink()
    return Item(item.path, item.sha256, item.size, mode)


def _item(work: _Work, source: Source) -> Item | None:
    """Return the file as it is; None where it went meanwhile (a run that was deleted)."""
    try:
        if source.file.is_symlink():
            return Item(source.path, link=str(source.file.readlink()))
        return _unchanged(work, source) or _stored(work, source)
    except FileNotFoundError:
        return None


def _unchanged(work: _Work, source: Source) -> Item | None:
    """Return what the last backup has of it, where size and time say that it is still that."""
    known, now = work.before.get(source.path), source.file.stat()
    if known is None or not known.mtime_ns or not known.sha256:
        return None
    same = (known.size, known.mtime_ns) == (now.st_size, now.st_mtime_ns)
    there = work.folder.objects.path(known.sha256).exists()
    return Item(**{**vars(known), "mode": now.st_mode & 0o7777}) if same and there else None


def _stored(work: _Work, source: Source) -> Item:
    at = source.file.stat()
    stored = work.folder.objects.put(source.file)
    if stored.new:
        work.fresh.add(stored.sha256)
    settled = at.st_mtime_ns < work.now_ns - _FRESH_NS and stored.size == at.st_size
    mtime_ns = at.st_mtime_ns if settled else 0
    return Item(source.path, stored.sha256, stored.size, at.st_mode & 0o7777, mtime_ns)


def verify(folder: BackupFolder, manifests: Iterable[Manifest]) -> int:
    """Read everything that the backups hold, and return the bytes; raises BackupError."""
    holders: dict[str, str] = {}
    for manifest in manifests:
        holders |= _holders(manifest)
    return _require_whole(folder, holders, holders)


def _require_whole(folder: BackupFolder, holders: Mapping[str, str], read: Iterable[str]) -> int:
    """Read back objects; of all others only look whether they are there."""
    wanted = frozenset(read)
    for sha256 in holders.keys() - wanted:
        if not folder.objects.path(sha256).exists():
            raise BackupError(
                _damaged(f"{folder.objects.path(sha256)} is missing", holders[sha256])
            )
    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(_reader(folder, holders), wanted))


def _reader(folder: BackupFolder, holders: Mapping[str, str]) -> Callable[[str], int]:
    def read(sha256: str) -> int:
        try:
            return folder.objects.copy(sha256, None)
        except BackupError as error:
            raise BackupError(_damaged(str(error), holders.get(sha256, "?"))) from error

    return read


def _holders(manifest: Manifest) -> dict[str, str]:
    return {item.sha256: item.path for item in manifest.items if item.sha256}


def _damaged(what: str, path: str) -> str:
    return f"{what}, which holds {path}: back up into a new folder, or copy this one from elsewhere"
