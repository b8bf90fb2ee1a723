"""What a data set looks like before a run: asked of a process of its own, which ends afterwards.

Data is read there and not in the console: what reading takes of memory is given back, and what
hangs or eats everything is ended, while all pages go on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.telling import ERROR
from pipelines.spec import located
from serving import storage
from serving.errors import KanaryaError, UsageError
from serving.settings import Settings

CHILD = (sys.executable, "-P", "-m", "console.data.looking")
ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 90.0
CIFAR = (".tar", ".tar.gz", ".tgz")
"""An archive of CIFAR-10, which must be read from front to back."""
PICTURES = (".zip", *CIFAR)


@dataclass(frozen=True)
class Column:
    """A column as its first rows show it."""

    name: str
    kind: str
    missing: int
    distinct: int


@dataclass(frozen=True)
class Preview:
    """The columns and first rows of a table; `files`: how many there are, the first is shown."""

    columns: tuple[Column, ...]
    first: tuple[tuple[str | None, ...], ...]
    rows: int
    complete: bool
    encoding: str
    delimiter: str
    headless: bool
    files: int

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Preview:
        """Return the preview that the process has printed."""
        columns = tuple(Column(**each) for each in value["columns"])
        return cls(**{**value, "columns": columns, "first": tuple(map(tuple, value["first"]))})


@dataclass(frozen=True)
class Pictures:
    """The pictures of a zip or a folder.

    `classes`: (class, pictures for training, for testing). `shown`: (class, a small one as a data
    URI). `broken`: what of those that were to be shown cannot be read.
    """

    classes: tuple[tuple[str, int, int], ...]
    shown: tuple[tuple[str, str], ...]
    broken: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(train + test for _, train, test in self.classes)

    @property
    def test_rows(self) -> int:
        """How many of them are set apart for testing."""
        return sum(test for _, _, test in self.classes)


@dataclass(frozen=True)
class Finding:
    """One thing that validation found: `level` is error, warning or note."""

    level: str
    column: str | None
    sentence: str


@dataclass(frozen=True)
class Findings:
    """What validation says of the rows that were looked at; `complete`: they are all."""

    found: tuple[Finding, ...]
    rows: int
    complete: bool


def are_pictures(uri: str) -> bool:
    """Say whether a URI names pictures by its ending; a folder may hold either."""
    return uri.startswith("keras://") or uri.lower().endswith(PICTURES)


def preview(settings: Settings, uri: str) -> Preview:
    """Return the columns and first rows of a table. Raises UsageError with what is wrong."""
    return Preview.from_json(_asked(settings, {"uri": uri}))


def pictures(settings: Settings, uri: str) -> Pictures | None:
    """Return the pictures of a zip or a folder of this machine; None of what lies elsewhere.

    Raises UsageError with what a run would refuse.
    """
    path = storage.local_path(uri)
    if path is None or uri.lower().endswith(CIFAR):
        return None
    value = _asked(settings, {"uri": str(path), "task": "image"})
    classes, shown = (tuple(map(tuple, value[name])) for name in ("classes", "shown"))
    return Pictures(classes, shown, tuple(value["broken"]))


def findings(
    settings: Settings, uri: str, target: str, *, drop: tuple[str, ...] = (), task: str = "tabular"
) -> Findings:
    """Return what validation finds with this target. Raises UsageError for what cannot be used."""
    request = {"uri": uri, "target": target, "drop": list(drop), "task": task}
    value = _asked(settings, request)
    return Findings(
        tuple(Finding(**each) for each in value["found"]), value["rows"], value["complete"]
    )


def _asked(settings: Settings, request: Mapping[str, Any]) -> dict[str, Any]:
    request = {**request, "uri": located(str(request["uri"]), Path())}
    with tempfile.TemporaryDirectory(prefix="kanarya-look-") as scratch:
        given = json.dumps({**request, "scratch": scratch})
        places = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        known = {**os.environ, **settings.environment(), "PYTHONPATH": places}
        try:
            done = subprocess.run(
                CHILD,
                input=given,
                capture_output=True,
                text=True,
                timeout=LONGEST_S,
                env=known,
                cwd=scratch,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise UsageError(
                f"{request['uri']} could not be looked at within {LONGEST_S:.0f} s: a run reads it "
                "whole, name its target and start it"
            ) from error
    if done.returncode:
        raise _refusal(done.stderr, str(request["uri"]))
    return dict(json.loads(done.stdout))


def _refusal(said: str, uri: str) -> KanaryaError:
    last = next((line for line in reversed(said.splitlines()) if line.startswith(ERROR)), "")
    sentence = last.removeprefix(ERROR) or "its process ended without a word; it may be too large"
    return UsageError(sentence if sentence.startswith(uri) else f"{uri}: {sentence}")
