"""A folder of backups: `objects/`, and one manifest for each backup, written when all is there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from pipelines.backup import manifest
from pipelines.backup.alone import alone
from pipelines.backup.manifest import Manifest
from pipelines.backup.objects import PARTIAL, Objects
from pipelines.errors import BackupError
from serving import lasting
from serving.errors import UsageError

MARK = "KANARYA-BACKUP"
_ABOUT = (
    "Backups of Kanarya: `kanarya backup`, `kanarya restore`. A .json lists the files of one\n"
    "backup by sha256; objects/ab/<sha256>.zst are their contents (`zstd -d` opens them).\n"
)


@dataclass(frozen=True)
class BackupFolder:
    """Backups that share their objects."""

    root: Path

    @property
    def objects(self) -> Objects:
        """The contents of all files."""
        return Objects(self.root / "objects")

    def prepare(self) -> None:
        """Make it, readable by its owner only. Raises UsageError where other things lie there."""
        if self.root.exists() and not self.root.is_dir():
            raise UsageError(
                f"{self.root} is a file: give a folder that is new, empty or has backups"
            )
        if self.root.is_dir() and self._others() and not (self.root / MARK).is_file():
            raise UsageError(f"{self.root} holds other things: give a folder that is new or empty")
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.root.chmod(0o700)
        lasting.create(self.root / MARK, _ABOUT.encode())  # before all else: a kill may come next
        self.objects.root.mkdir(mode=0o700, exist_ok=True)

    def _others(self) -> bool:
        """Say whether more lies here than what a backup leaves that is killed as it begins."""
        return any(not path.match(f".{MARK}.*{PARTIAL}") for path in self.root.iterdir())

    def require(self) -> None:
        """Raise UsageError where no backup lies."""
        if not (self.root / MARK).is_file():
            raise UsageError(f"there is no backup in {self.root}; `kanarya backup` makes one")

    def locked(self) -> AbstractContextManager[None]:
        """Let one process at a time write here. Raises BackupError where another one does."""
        return alone(self.root / MARK)

    def names(self) -> list[str]:
        """Return the names of the manifests, the oldest first."""
        return sorted(path.name for path in self.root.glob("[0-9]*.json"))

    def read(self, name: str) -> Manifest:
        """Return one backup's manifest. Raises BackupError where it is damaged."""
        path = self.root / name
        try:
            return manifest.read(name, path.read_bytes())
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise BackupError(f"the backup {path} is damaged: {error}") from error

    def newest(self) -> Manifest | None:
        """Return the newest backup that can be read; None where there is none."""
        for name in reversed(self.names()):
            try:
                return self.read(name)
            except BackupError:
                continue
        return None

    def chosen(self, moment: str | None) -> Manifest:
        """Return the backup whose moment begins so, or the newest. Raises UsageError."""
        self.require()
        found = [name for name in self.names() if name.startswith(moment or "")]
        if not found:
            there = ", ".join(name.split("Z")[0] for name in self.names()) or "none"
            raise UsageError(f"{self.root} has no backup {moment or ''!r}; there are: {there}")
        return self.read(found[-1])

    def write(self, made: Manifest) -> None:
        """Make a backup valid; all of its objects are on the disk already."""
        lasting.create(self.root / made.name, made.data)

    def keep(self, count: int) -> list[str]:
        """Remove all backups but the newest `count`, and what only they needed; return theirs.

        Raises BackupError where one of those that stay cannot be read: it may need anything.
        """
        names = self.names()
        gone = names[: max(0, len(names) - count)]
        self._remove(gone, [self.read(name) for name in names[len(gone) :]])
        return gone

    def _remove(self, gone: Sequence[str], stay: Sequence[Manifest]) -> None:
        for name in gone:
            (self.root / name).unlink()
        needed = frozenset[str]().union(*(each.objects for each in stay))
        for sha256 in self.objects.names() - needed:
            self.objects.path(sha256).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what killed backups have left."""
        self.objects.sweep()
        for left in self.root.glob(f".*{PARTIAL}"):
            left.unlink(missing_ok=True)
