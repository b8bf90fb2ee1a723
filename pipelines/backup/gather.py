"""What belongs to an installation: which files, from where, in which order."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.backup import newest
from serving.settings import Settings
from serving.storage import local_path

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgresql+psycopg2://", "postgres://")
POSTGRES_DUMP = "mlflow.pgdump"
# What runs writes it anew: where it answers, whom it locks out, what it has fetched or said.
_WRITTEN_ANEW = ("cache", "platform.json", "workers.json", "console.json", "watcher.json")
_OF_THIS_MACHINE = ("api-token", "api-key.pem", "api-certificate.pem")
_LEFT_OUT = {"logs", "demo", "kubeconfig"} | {
    f"services/{name}" for name in (*_WRITTEN_ANEW, *_OF_THIS_MACHINE)
}
_OF_NOW = {newest.NAME, "alerts/kanarya.prom"}
_ENDINGS = (".lock", ".partial", "-wal", "-shm", "-journal", ".sock")
# The platform's state before the registry, both before the ledger: what is named in an earlier
# part is in a later one, since whoever writes them goes the other way.
_FIRST = ("services/platform.db", "mlflow.db", "queue.db")


@dataclass(frozen=True)
class Source:
    """A file of the installation, and where it lies below a home."""

    path: str
    file: Path

    @property
    def is_database(self) -> bool:
        """Say whether it may be one, which only its first bytes tell."""
        return self.file.suffix in (".db", ".sqlite", ".sqlite3")


@dataclass(frozen=True)
class Installation:
    """The places of an installation that are on this machine, and what is elsewhere."""

    places: dict[str, str]
    notes: tuple[str, ...]
    postgres: str = ""


def installation(settings: Settings) -> Installation:
    """Return the places: the home, and those parts that lie elsewhere."""
    places, notes = {str(settings.home): ""}, []
    for name, uri in (("models", settings.model_store), ("ledger", settings.ledger)):
        path = local_path(uri)
        if path is None:
            notes.append(f"the {name} are at {uri}, where they stay: {_keep_them(name)}")
        elif not path.is_relative_to(settings.home):
            places[str(path)] = name
    tracking = settings.tracking_uri
    if tracking.startswith(SQLITE):
        database = Path(tracking.removeprefix(SQLITE)).absolute()
        if not database.is_relative_to(settings.home):
            places[str(database)] = "mlflow.db"
    elif not tracking.startswith(POSTGRES):
        notes.append("MLflow is a server of its own; back up its database and its artifacts there")
    return Installation(places, tuple(notes), tracking if tracking.startswith(POSTGRES) else "")


def _keep_them(name: str) -> str:
    return f"turn on that bucket's versions to keep {'them' if name == 'models' else 'it'}"


def sources(found: Installation, without: Path) -> list[Source]:
    """Return all files, databases first; `without`: the folder of the backups itself."""
    files: dict[str, Source] = {}
    for place, below in found.places.items():
        for each in _files(Path(place), without):
            inside = each.relative_to(place).as_posix()
            path = "/".join(part for part in (below, inside) if part not in ("", "."))
            if below or not _left_out(path):
                files[path] = Source(path, each)
    return sorted(files.values(), key=_order)


def _left_out(path: str) -> bool:
    first, _, rest = path.partition("/")
    return bool({first, f"{first}/{rest.partition('/')[0]}"} & (_LEFT_OUT | _OF_NOW))


def _order(source: Source) -> tuple[int, bool, str]:
    at = _FIRST.index(source.path) if source.path in _FIRST else len(_FIRST)
    return at, not source.path.startswith("ledger/"), source.path


def _files(place: Path, without: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    for folder, folders, names in os.walk(place):
        here = Path(folder)
        folders[:] = [name for name in folders if _kept(here / name, without)]
        links = [name for name in folders if (here / name).is_symlink()]
        yield from (here / name for name in (*names, *links) if _kept(here / name, without))


def _kept(path: Path, without: Path) -> bool:
    if path == without or path.name.endswith(_ENDINGS):
        return False
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False  # it went while we looked
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)
