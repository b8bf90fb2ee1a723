"""The runs of other places: a cluster's, and those of other machines that MLflow knows.

They stay where they are: what is shown was asked of Kubeflow Pipelines or MLflow while somebody
looks, by processes that have the libraries for it. No page waits for an answer; one that does not
come is a sentence.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from components.tracking_refusals import shown
from console.data.child import Child
from console.data.latest import Answer, Latest
from console.settings import ConsoleSettings
from pipelines.cluster_place import is_id
from pipelines.run_row import HERE, Row
from pipelines.run_table import RunTable
from serving.settings import Settings

if TYPE_CHECKING:
    from components.tracked_runs import TrackedRun

CLUSTER_S, MLFLOW_S = 10.0, 15.0
"""So often the one and the other is asked while somebody looks at the table."""
WHOLE_S = 300.0
"""So often all of a cluster's runs are looked through, so that deleted ones go."""
SKEW_S = 600.0
"""By so much the clocks of machines may differ."""

T = TypeVar("T")
Rows = dict[str, Row]
Tracked = dict[str, "TrackedRun"]


@dataclass(frozen=True)
class Place:
    """A place that is asked: `runs` it told of, `trouble`: why it does not answer now.

    `asked`: whether it has answered or refused at all yet.
    """

    kind: Literal["cluster", "mlflow"]
    address: str
    runs: int = 0
    trouble: str = ""
    asked: bool = True


class Asked(Protocol):
    """Who is asked what needs a heavy library: a process (`Child`), where nothing else is given."""

    def ask(self, ask: Callable[..., T], *arguments: object) -> T:
        """Return what a function of a module returns; what it raises is raised here."""


class Elsewhere:
    """The places beside this home, for threads; where there are none it does nothing."""

    def __init__(
        self,
        settings: ConsoleSettings,
        cluster_child: Asked | None = None,
        mlflow_child: Asked | None = None,
    ) -> None:
        self.settings = settings
        self.cluster_child: Asked = cluster_child or Child(settings.base)
        self.mlflow_child: Asked = mlflow_child or Child(settings.base)
        self._cluster = Latest(self._listed, CLUSTER_S) if settings.cluster else None
        mlflow = knows_others(settings.base)
        self._mlflow = Latest(self._changed, MLFLOW_S) if mlflow else None
        self._whole_at = self._since = float("-inf")
        self._given = (0, 0)

    @property
    def has_mlflow(self) -> bool:
        """Say whether MLflow may know of runs that are not of this home."""
        return self._mlflow is not None

    @property
    def has_services(self) -> bool:
        """Say whether services are asked of a cluster, and not of this home's own platform."""
        base = self.settings.base
        return base.kubeconfig != base.home / "kubeconfig"

    def may_have(self, run_id: str, row: Row | None) -> bool:
        """Say whether a run is another place's; one that is not in the table yet by its id."""
        if row is not None:
            return row.where != HERE
        return self._cluster is not None and is_id(run_id)

    def into(self, table: RunTable) -> None:
        """Put what is known by now into the table; the next answers are asked for."""
        cluster, mlflow = self._answers()
        if (cluster.count, mlflow.count) != self._given:
            self._given = (cluster.count, mlflow.count)
            table.take_in((mlflow.value or {}).values())
            table.take_in_cluster((cluster.value or {}).values())

    def soon(self) -> None:
        """Let the next look ask the cluster at once: something was begun or ended there."""
        if self._cluster:
            self._cluster.soon()

    def wait(self, timeout_s: float) -> None:
        """Wait until every place has answered what it was asked."""
        for each in (self._cluster, self._mlflow):
            if each:
                each.wait(timeout_s)

    def places(self) -> tuple[Place, ...]:
        """Return the places that are asked, and how that went; nothing is asked."""
        known = self.settings
        found = [Place("cluster", "", trouble=known.cluster_fault)] if known.cluster_fault else []
        if self._cluster and known.cluster:
            found.append(_place("cluster", shown(known.cluster.host), self._cluster.newest))
        if self._mlflow:
            address = shown(known.base.tracking_uri)
            found.append(_place("mlflow", address, self._mlflow.newest))
        return tuple(found)

    def _answers(self) -> tuple[Answer[Rows], Answer[Tracked]]:
        return (
            self._cluster.look() if self._cluster else Answer(),
            self._mlflow.look() if self._mlflow else Answer(),
        )

    def _listed(self, before: Rows | None) -> Rows:
        from console.data import cluster_seen

        whole = time.monotonic() - self._whole_at > WHOLE_S
        going_on = tuple(row.run_id for row in (before or {}).values() if not row.ended)
        found = self.cluster_child.ask(
            cluster_seen.listed, self.settings.cluster, None if whole else going_on
        )
        rows = {row.run_id: row for row in found.rows}
        if found.whole or not before:
            self._whole_at = time.monotonic()
            return rows
        if rows and not rows.keys() & before.keys():  # so many began that some were not listed
            self._whole_at = float("-inf")
        return {key: row for key, row in (before | rows).items() if key not in found.gone}

    def _changed(self, before: Tracked | None) -> Tracked:
        from components import tracked_runs

        began, settings = time.time(), self.settings.base
        since = max(0.0, self._since - SKEW_S)
        found = self.mlflow_child.ask(tracked_runs.changed, settings, since)
        self._since = began
        return {**(before or {}), **{run.run_key: run for run in found}}


def knows_others(settings: Settings) -> bool:
    """Say whether MLflow is more than this home's own file, so that others may write there."""
    return settings.tracking_uri != f"sqlite:///{settings.home / 'mlflow.db'}"


def _place(
    kind: Literal["cluster", "mlflow"], address: str, answer: Answer[Rows] | Answer[Tracked]
) -> Place:
    runs = len(answer.value or ())
    return Place(kind, address, runs, answer.trouble, asked=answer.asked > 0)
