"""A model that is live on a cluster, and its runs there: by Kubeflow Pipelines, MLflow, windows.

The policy is that of the spec at hand: whoever calls again and again (a CronJob, a CI) has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipelines.cluster_package import NOT_ASKED
from pipelines.cluster_steps import FINAL, ClusterRun
from pipelines.retrain.models import moment
from pipelines.retrain.rules import Data, Facts, Measured, Past, Window
from pipelines.retrain_spec import Retrain

MOST_RUNS = 200
"""The newest of a model's runs, among which cooldown, budget and repetitions are looked for."""
_ONCE = NOT_ASKED | {"data_sha256", "data_uri"}
"""Parameters in which repetitions differ."""


@dataclass(frozen=True)
class Learned:
    """What the live version learned from: its data's sha256, and when it was registered."""

    version: str
    sha256: str
    at: datetime


@dataclass(frozen=True)
class There:
    """A live model, as it was found at one moment.

    arguments   of the run that would be started
    sha256      gives that of the data that is there now, which may cost its download
    runs        of the model, the newest first
    read        by the key of a run, the sha256 of the data that it has read
    waits       a rollout that is not over, in words; "" where there is none
    """

    policy: Retrain
    learned: Learned
    arguments: Mapping[str, Any]
    sha256: Callable[[], str]
    runs: Sequence[ClusterRun] = ()
    read: Mapping[str, str] = field(default_factory=dict)
    windows: tuple[Window, ...] = ()
    live: Mapping[str, Measured] | None = None
    waits: str = ""

    def facts(self, now: datetime) -> Facts:
        """Return what is known."""
        return Facts(
            now=now,
            version=self.learned.version,
            since=self.learned.at,
            windows=self.windows,
            live=self.live,
            past=tuple(_past(run) for run in self.runs if run.arguments.get("why")),
            busy=self._busy(),
            data=self.data() if self.policy.when.data else None,
        )

    def data(self) -> Data:
        """Return what the data is now."""
        sha256 = self.sha256()
        return Data(sha256, self.learned.sha256, self._tried(sha256))

    def _busy(self) -> str:
        goes_on = [run for run in self.runs if run.state not in FINAL]
        return f"{goes_on[0].name} is {goes_on[0].state.lower()}" if goes_on else self.waits

    def _tried(self, sha256: str) -> str:
        readers = [run for run in self.runs if self.read.get(_key(run)) == sha256]
        wanted = _repeated(self.arguments)
        for run in readers:
            if run.state == "SUCCEEDED" and _repeated(run.arguments) == wanted:
                return run.name
        # Kubeflow forgets runs, and the version may come from elsewhere.
        forgotten = not readers and sha256 == self.learned.sha256
        return f"version {self.learned.version}" if forgotten else ""


def _key(run: ClusterRun) -> str:
    """Return what MLflow knows a run by; one of a schedule has the id that the engine gave."""
    return str(run.arguments.get("run_key") or run.run_id)


def _past(run: ClusterRun) -> Past:
    ended = moment(run.finished) if run.finished else None
    return Past(run.name, moment(run.created), ended)


def _repeated(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name not in _ONCE}
