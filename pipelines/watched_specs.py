"""The specs of models that a cluster's watcher looks after: files of one folder.

A ConfigMap that is mounted as a folder is read anew at each look, so a changed one needs no start.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.spec import load
from serving import storage
from serving.errors import KanaryaError, UsageError

if TYPE_CHECKING:
    from pipelines.spec import AnySpec

FOLDER = "KANARYA_SPECS"
ENDINGS = (".yaml", ".yml", ".json")


def folder(env: Mapping[str, str] | None = None) -> Path:
    """Return the folder that the environment names. Raises UsageError where it names none."""
    named = (os.environ if env is None else env).get(FOLDER)
    if not named:
        raise UsageError(
            f"{FOLDER} names no folder; name the one with the specs of the models to look after, "
            "such as the mounted ConfigMap kanarya-specs"
        )
    return storage.absolute(named)


def each(at: Path, act: Callable[[AnySpec], None]) -> None:
    """Do something with every spec; one that fails does not stop the others.

    Raises KanaryaError with what went wrong of each, by its file, after all of them.
    """
    faults = []
    for path in _files(at):
        try:
            act(load(path))
        except KanaryaError as error:
            faults.append(f"{path.name}: {error}")
    if faults:
        raise KanaryaError("; ".join(faults))


def by_name(at: Path) -> dict[str, AnySpec]:
    """Return the specs by the names of their models; what cannot be read is left out."""
    return {spec.name: spec for spec in _readable(at)}


def _readable(at: Path) -> Iterator[AnySpec]:
    for path in _files(at):
        try:
            yield load(path)
        except KanaryaError:  # who decides by it says so
            continue


def _files(at: Path) -> list[Path]:
    """Return the specs; Kubernetes keeps hidden folders beside them, and none may be there yet."""
    found = at.iterdir() if at.is_dir() else ()
    return sorted(path for path in found if path.suffix in ENDINGS and path.name[0] != ".")
