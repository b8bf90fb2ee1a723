"""Which files a path, a folder, a pattern or a URI stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from components.errors import UnreadableError
from components.ingest import remote
from serving import storage

ENDINGS = (".csv", ".csv.gz", ".csv.zst")


@dataclass(frozen=True)
class Source:
    """A local file to read; `name`: what messages call it, "" where it is the only one."""

    path: Path
    name: str = ""


def found(uri: str, scratch: Path) -> tuple[Source, ...]:
    """Return the files, those of a folder or a pattern by their names; remote ones are fetched.

    Raises UnreadableError with the reason and the nearest names where there is nothing to read.
    """
    if not uri.strip():
        raise UnreadableError("no file was given: name one with --data (data.uri in a spec).")
    path = storage.local_path(uri)
    try:
        if path is None:
            return _named(remote.fetch(uri, scratch / "source"))
        return _named([(each, each.name) for each in files(path)])
    except PermissionError as error:
        raise UnreadableError(
            f"it cannot be read ({error.strerror}): give this user the right to (chmod u+r)."
        ) from error


def _named(files: Sequence[tuple[Path, str]]) -> tuple[Source, ...]:
    for path, _ in files:
        path.open("rb").close()
    return tuple(Source(path, name if len(files) > 1 else "") for path, name in files)


def files(path: Path) -> list[Path]:
    """Return the files that a local path stands for. Raises UnreadableError where there are none.

    What is in them is not looked at.
    """
    if path.is_dir():
        return _in_folder(path)
    found = matching(path)
    if not found:
        _refuse_what_is_no_file(path)
    return found or [path]


def matching(path: Path) -> list[Path]:
    """Return the files that a pattern stands for; none where it is no pattern, or a file's name."""
    if path.exists() or not _is_pattern(path):
        return []
    pattern = path.relative_to(path.anchor).as_posix()
    return sorted(each for each in Path(path.anchor).glob(pattern) if each.is_file())


def _is_pattern(path: Path) -> bool:
    return any(sign in str(path) for sign in "*?[")


def _in_folder(folder: Path) -> list[Path]:
    files = sorted(each for each in folder.iterdir() if each.is_file())
    tables = [each for each in files if each.name.lower().endswith(ENDINGS)]
    if not tables:
        raise UnreadableError(
            f"it is a folder without a file that ends with {', '.join(ENDINGS)}: name the files "
            "with a pattern, such as 'folder/*.txt'."
        )
    return tables


def _refuse_what_is_no_file(path: Path) -> None:
    if path.is_symlink() and not path.exists():
        raise UnreadableError("it is a link that leads nowhere: name the file itself.")
    if not path.exists():
        raise UnreadableError(f"there is no such file{_neighbours(path)}.")
    if not path.is_file():
        raise UnreadableError("it is neither a file nor a folder: give a CSV file.")


def _neighbours(path: Path) -> str:
    """Return what a misspelt name probably meant, or what its folder lacks."""
    if not path.parent.is_dir():
        return f": the folder {path.parent} does not exist either"
    names = sorted(each.name for each in path.parent.iterdir())
    near = get_close_matches(path.name, names, n=3) or [n for n in names if n.endswith(".csv")][:3]
    return f": did you mean {' or '.join(near)}" if near else f": {path.parent} has no CSV file"
