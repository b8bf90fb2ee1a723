"""What of a run can be downloaded: the model whole, as ONNX or native, and its reports."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.run_row import Row
from serving.errors import NotFound
from serving.settings import Settings

ALREADY_SMALL = frozenset({".zip", ".keras", ".skops", ".png", ".npz", ".gz"})


@dataclass(frozen=True)
class Kind:
    """Something to download: where it lies below `artifacts/*/`, and what it is called then."""

    pattern: str
    ending: str


KINDS = {
    "model": Kind("package*/packaged", ".zip"),
    "onnx": Kind("package*/packaged/model.onnx", ".onnx"),
    "native": Kind("package*/packaged/native", "-native.zip"),
    "report": Kind("evaluate*/report", "-report.html"),
    "decision": Kind("deploy*/card", "-decision.html"),
}
"""The names in the address `/api/runs/<id>/files/<name>`."""


@dataclass(frozen=True)
class Download:
    """A file to send, under which name; `made`: only for this, so it is removed afterwards."""

    path: Path
    name: str
    made: bool = False


def available(settings: Settings, row: Row) -> list[str]:
    """Return which of `KINDS` a run has."""
    return [name for name in KINDS if _found(settings, row, name)]


def download(settings: Settings, row: Row, name: str) -> Download:
    """Return what was asked for; a folder becomes a zip file. Raises NotFound."""
    path = _found(settings, row, name) if name in KINDS else None
    if path is None:
        has = ", ".join(available(settings, row)) or "nothing"
        raise NotFound(f"{row.run_id} has no {name!r} to download; it has {has}")
    called = f"{row.run_id}{KINDS[name].ending}"
    return Download(path, called) if path.is_file() else Download(zipped(path), called, made=True)


def zipped(folder: Path) -> Path:
    """Return a new zip file of a folder's files; links are left out: they may lead elsewhere."""
    descriptor, name = tempfile.mkstemp(suffix=".zip", prefix="kanarya-")
    try:
        with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for path in _files(folder):
                how = zipfile.ZIP_STORED if path.suffix in ALREADY_SMALL else zipfile.ZIP_DEFLATED
                archive.write(path, path.relative_to(folder).as_posix(), how)
    except BaseException:
        Path(name).unlink()
        raise
    return Path(name)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path


def _found(settings: Settings, row: Row, name: str) -> Path | None:
    root = settings.home / "runs" / row.run_id / "artifacts"
    found = sorted(root.glob(f"*/{KINDS[name].pattern}"))
    usable = bool(found) and (found[-1].is_file() or any(_files(found[-1])))
    return found[-1] if usable else None
