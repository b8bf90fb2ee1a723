"""The models that are live here: their services, their versions, and the runs that made them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import origin
from pipelines.retrain.rules import Past
from pipelines.run_row import Row
from pipelines.run_table import RunTable
from pipelines.spec import AnySpec, parse
from serving.errors import KanaryaError
from serving.isvc.client import connect, is_known
from serving.isvc.resource import ServiceView
from serving.rollout.state import OVER, live_version, rollout_of

if TYPE_CHECKING:
    from pipelines.retrain_spec import Retrain
    from serving.settings import Settings


@dataclass(frozen=True)
class Model:
    """A live model.

    `run`: the one that made its version, None where that was not on this machine; `spec`: of it.
    """

    name: str
    version: str
    view: ServiceView
    run: Row | None = None
    spec: AnySpec | None = None

    @property
    def policy(self) -> Retrain | None:
        """When it is to be trained again; None where its spec does not say, or nobody knows it."""
        return self.spec.retrain if self.spec else None


@dataclass
class Runs:
    """The runs of a home, those in the trash too: who deletes a run gets no new budget."""

    home: Path
    _here: RunTable = field(init=False)
    _deleted: RunTable = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._here = RunTable(self.home / "runs")
        self._deleted = RunTable(self.home / "trash")

    def of(self, model: str) -> list[tuple[Row, Path]]:
        """Return the runs of a model and their folders, the newest first."""
        with self._lock:
            found = [*self._listed(self._here, model), *self._listed(self._deleted, model)]
        return sorted(found, key=lambda pair: pair[0].started, reverse=True)

    def _listed(self, table: RunTable, model: str) -> Iterator[tuple[Row, Path]]:
        table.refresh()
        yield from ((r, table.root / r.run_id) for r in table.rows() if r.model == model)


@lru_cache(maxsize=4)
def runs_of(settings: Settings) -> Runs:
    """Return the runs of a home; what was read of them once is known at the next call."""
    return Runs(settings.home)


def each(settings: Settings, act: Callable[[Model], None]) -> frozenset[str]:
    """Do something with every live model, and return the names of all services.

    One that fails does not stop the others: what failed last is raised after all of them, as a
    KanaryaError, and ServiceError where the platform is silent.
    """
    if not is_known(settings.kubeconfig):
        return frozenset()  # nothing was ever live here
    fault: KanaryaError | None = None
    views = connect(settings.kubeconfig, settings.namespace).list()
    for view in views:
        try:
            if found := model(settings, view):
                act(found)
        except (KanaryaError, OSError, ValueError) as error:  # a disk, or a file that was torn
            fault = KanaryaError(f"{view.name}: {error}")
    if fault:
        raise fault
    return frozenset(view.name for view in views)


def model(settings: Settings, view: ServiceView) -> Model | None:
    """Return what is live at a service; None where nothing is, or nobody here rolled it out."""
    version = live_version(view)
    if not version or not view.url:
        return None
    made = [
        (row, path)
        for row, path in runs_of(settings).of(view.name)
        if row.version == version and (path / origin.ORIGIN).is_file()
    ]
    if not made:
        return Model(view.name, version, view)
    row, path = made[0]
    return Model(view.name, version, view, row, _spec(path))


@lru_cache(maxsize=256)
def _spec(folder: Path) -> AnySpec:
    """Return the spec of a run, which never changes. Raises UsageError."""
    return parse(dict(origin.read(folder).spec), folder.name)


def busy(view: ServiceView, runs: list[tuple[Row, Path]]) -> str:
    """Return what goes on with a model, in words; "" where nothing does."""
    for row, _ in runs:
        if row.status in ("queued", "running", "waiting"):
            return f"{row.run_id} is {row.status}"
    state = rollout_of(view)
    if state is not None and state.phase not in OVER:
        return f"the rollout of version {state.version} is {state.phase.replace('_', ' ')}"
    return ""


def past(runs: list[tuple[Row, Path]]) -> tuple[Past, ...]:
    """Return those of a model's runs that were started by themselves."""
    return tuple(_past(row) for row, _ in runs if row.why)


def _past(row: Row) -> Past:
    began = moment(row.started)
    ended = moment(row.started + row.seconds) if row.ended and row.seconds else None
    return Past(row.run_id, began, ended or (began if row.ended else None))


def moment(seconds: float) -> datetime:
    """Return seconds since 1970 as a time."""
    return datetime.fromtimestamp(seconds, UTC)
