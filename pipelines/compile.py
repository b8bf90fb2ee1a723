"""The graphs as YAML: compiled, written, and compared with what is in the repository."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from pipelines.images import Images, pinned
from serving.errors import UsageError

COMPILED = Path(__file__).parent / "compiled"
PIPELINES = ("tabular", "image", "monitoring")
OF_TASK = {"tabular": "tabular", "tabular-regression": "tabular", "image": "image"}
"""Which of them does what a spec's task asks for."""


def text(name: str) -> str:
    """Return the compiled YAML of a pipeline; the same input gives the same bytes."""
    from importlib import import_module

    from kfp import compiler

    graph = getattr(import_module(f"pipelines.{name}"), name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.yaml"
        compiler.Compiler().compile(graph, str(path))
        return path.read_text(encoding="utf-8")


def write() -> list[Path]:
    """Compile every pipeline into the repository and return the files."""
    COMPILED.mkdir(exist_ok=True)
    for name in PIPELINES:
        path(name).write_text(text(name), encoding="utf-8")
    return [path(name) for name in PIPELINES]


def for_cluster(name: str, images: Images) -> str:
    """Return the compiled YAML as a cluster runs it: the repository's, with these images in it.

    Raises UsageError where an image of its steps is named neither by digest nor by git commit.
    """
    return pinned(path(name).read_text(encoding="utf-8"), name, images)


def write_for_cluster(images: Images, names: Sequence[str], folder: Path) -> list[Path]:
    """Write the YAML of these pipelines, with these images, into a folder; return the files."""
    texts = {name: for_cluster(name, images) for name in names}
    folder.mkdir(parents=True, exist_ok=True)
    for name, compiled in texts.items():
        path(name, folder).write_text(compiled, encoding="utf-8")
    return [path(name, folder) for name in texts]


def path(name: str, folder: Path = COMPILED) -> Path:
    """Return where the compiled YAML of a pipeline is."""
    return folder / f"{name}.yaml"


def check(folder: Path = COMPILED) -> None:
    """Refuse a compiled YAML that is missing or differs from its graph."""
    for name in PIPELINES:
        found = path(name, folder)
        if not found.is_file() or found.read_text(encoding="utf-8") != text(name):
            raise UsageError(
                f"pipelines/compiled/{name}.yaml does not match pipelines/{name}.py; "
                "run `kanarya compile` and commit it"
            )
