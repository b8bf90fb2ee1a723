"""What lies at a spec's `data.uri` now, and whether a run with that spec has learned from it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from components.ingest import digest
from pipelines import origin
from pipelines.retrain.rules import Data
from pipelines.run_row import Row
from serving.errors import UsageError

if TYPE_CHECKING:
    from pipelines.spec import AnySpec
    from serving.settings import Settings

FAR_S = 3600.0
"""What lies elsewhere is fetched to be compared: so often at most."""
SETTLED_S = 20.0
"""A file that was written less long ago may be written still."""
TRIED = ("promoted", "rolled_back", "rejected", "held")
"""How a run ends that has learned; one that failed for another reason may be tried again."""
MOST_RUNS = 50


@dataclass
class Looks:
    """The digests of data sets, made again only where a file has changed."""

    _known: dict[str, tuple[object, float, str]] = field(default_factory=dict)

    def sha256(self, spec: AnySpec, scratch: Path | None = None) -> tuple[str, bool]:
        """Return the sha256 of a spec's data, and whether nobody writes it. Raises DataError.

        `scratch`: where what lies elsewhere is fetched to; None: the system's place for it.
        """
        uri, now = spec.data.uri, time.time()
        mark = digest.mark(uri)
        settled = all(now - changed / 1e9 > SETTLED_S for _, _, changed in mark or ())
        known = self._known.get(uri)
        if known and known[0] == mark and (mark is not None or now - known[1] < FAR_S):
            return known[2], settled
        found = sha256_of(spec, scratch)
        self._known[uri] = (mark, now, found)
        return found, settled


@lru_cache(maxsize=4)
def looks(home: Path) -> Looks:
    """Return what is known of the data sets of a home's specs."""
    return Looks()


def now(settings: Settings, spec: AnySpec, made_by: Path, runs: list[tuple[Row, Path]]) -> Data:
    """Return what a spec's data is now; `made_by`: the folder of the run of the live version.

    Raises DataError where it cannot be read.
    """
    sha256, settled = looks(settings.home).sha256(spec, settings.home)
    learned = origin.data_sha256(made_by)
    sha256 = sha256 or learned  # a data set of Keras never changes
    return Data(sha256, learned, _tried(sha256, spec, runs), settled)


def sha256_of(spec: AnySpec, folder: Path | None = None) -> str:
    """Return the sha256 of a spec's data; what lies elsewhere is fetched to the folder for it.

    Raises DataError where it cannot be read.
    """
    of = digest.of_pictures if spec.task == "image" else digest.of_table
    with TemporaryDirectory(dir=folder, prefix=".data-") as scratch:
        return of(spec.data.uri, Path(scratch))


def _tried(sha256: str, spec: AnySpec, runs: list[tuple[Row, Path]]) -> str:
    """Return the newest run that has learned from these bytes with this spec; "" for none."""
    wanted = _config(spec.model_dump(mode="json"))
    ended = [(row, path) for row, path in runs if row.status in TRIED][:MOST_RUNS]
    for row, path in ended:
        if origin.data_sha256(path) == sha256 and _config_of(path) == wanted:
            return row.run_id
    return ""


def _config_of(folder: Path) -> Mapping[str, Any] | None:
    try:
        return _config(origin.read(folder).spec)
    except UsageError:  # it recorded none
        return None


def _config(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a spec decides what is learned, and whether it goes live."""
    return {name: value for name, value in spec.items() if name not in ("retrain", "pods")}
