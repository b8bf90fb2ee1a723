"""Wait for a run on a cluster, and tell its steps as the local run does.

The SDK's own loop never returns on a run that was cancelled (kubeflow/pipelines#14473) and takes a
failed one for a good one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pipelines import cluster_logs, cluster_runs
from pipelines.cluster import Cluster
from pipelines.cluster_outcome import notes, result
from pipelines.cluster_pods import trouble
from pipelines.cluster_steps import FINAL, ClusterRun, Task, changes, is_waiting, steps
from pipelines.errors import ClusterError, Faltering, LoginNeeded, NoApi, NotThere, Unreachable
from pipelines.journal import Result, Step
from pipelines.step_log import Note
from serving.errors import KanaryaError, UsageError

SILENCE_S = 300.0
"""How long Kubeflow Pipelines may be out of reach before watching is given up."""
WAITING_S = 30.0
"""How long a pod may stand there without working before somebody asks why."""
PASSING = (Unreachable, Faltering, LoginNeeded, NoApi, UsageError)
"""What may be over soon, of a run that was seen: an outage, a fault, a login that is renewed (whose
file is empty meanwhile)."""
NOT_BEGUN = "Kubeflow Pipelines has not begun with the run; does its workflow controller work?"
LIVE = frozenset({"deploy", "train-images"})
"""Steps whose notes are told while they go on."""
T = TypeVar("T")


@dataclass(frozen=True)
class Clock:
    """The time in seconds, and how to let some of it pass."""

    now: Callable[[], float]
    sleep: Callable[[float], None]


@dataclass
class Watch:
    """One person watching one run; `wait` returns how it ended."""

    cluster: Cluster
    run_id: str
    clock: Clock
    tell: Callable[[Step | Note], None]
    _steps: dict[str, Step] = field(default_factory=dict, init=False)
    _tasks: dict[str, Task] = field(default_factory=dict, init=False)
    _noted: dict[str, int] = field(default_factory=dict, init=False)
    _waiting_since: float | None = field(default=None, init=False)
    _said: set[str] = field(default_factory=set, init=False)

    def wait(self) -> Result:
        """Tell what happens until the run has ended, and return how.

        Raises:
            StepFailed: a step failed; the message is its own sentence.
            ClusterError: it was cancelled or deleted, or is out of reach for `SILENCE_S`.
        """
        run = self._look()
        self._tasks = self._patiently(lambda: cluster_runs.known_tasks(self.cluster, run))
        while True:
            self._told(run)
            if run.state in FINAL:
                return self._result(run)
            self.clock.sleep(self.cluster.place.poll_s)
            seen, run = run, self._look()
            run = replace(run, cancelled=run.cancelled or seen.cancelled)

    def _result(self, run: ClusterRun) -> Result:
        page = self.cluster.place.page("runs", run.run_id)
        ended = tuple(self._steps.values())
        return result(run, ended, lambda s: self._patiently(lambda: self._log(run, s)), page)

    def _look(self) -> ClusterRun:
        """Return the run as it is now."""
        passing = PASSING if self._tasks else (Unreachable,)
        try:
            return self._patiently(lambda: cluster_runs.get(self.cluster, self.run_id), passing)
        except NotThere as error:
            if not self._tasks:
                raise
            raise ClusterError(
                f"the run {self.run_id} was deleted while it was watched, so nobody can say how "
                "it ended"
            ) from error

    def _patiently(
        self, ask: Callable[[], T], passing: tuple[type[KanaryaError], ...] = (Unreachable,)
    ) -> T:
        """Return what is asked for, after `SILENCE_S` of what passes at most."""
        since = self.clock.now()
        while True:
            try:
                return ask()
            except passing as error:
                if self.clock.now() - since > SILENCE_S:
                    raise
                self._say("engine", f"{error} Trying again.")
            self.clock.sleep(self.cluster.place.poll_s)

    def _told(self, run: ClusterRun) -> None:
        now = steps(run, self._tasks)
        for event in changes(self._steps, now):
            if event.ended is not None:
                self._notes(run, event.name)
            self.tell(event)
        self._steps = {step.name: step for step in now}
        for step in now:
            if step.ended is None and step.name in LIVE:
                self._notes(run, step.name)
        self._explain_waiting(run)

    def _notes(self, run: ClusterRun, step: str) -> None:
        """Tell the notes that a step has written since the last look; without a log, none."""
        try:
            found = notes(self._patiently(lambda: self._log(run, step)))
        except Unreachable:
            raise
        except ClusterError:
            return
        for text in found[self._noted.get(step, 0) :]:
            self.tell(Note(step, text))
        self._noted[step] = len(found)

    def _log(self, run: ClusterRun, step: str) -> str:
        return cluster_logs.log(self.cluster, run, step, self._tasks)

    def _explain_waiting(self, run: ClusterRun) -> None:
        """Say once why a pod does not start; images that are missing are found out this way."""
        if not is_waiting(run):
            self._waiting_since = None
            return
        if self._waiting_since is None:
            self._waiting_since = self.clock.now()
        if self.clock.now() - self._waiting_since < WAITING_S:
            return
        if not run.nodes:
            self._say("engine", NOT_BEGUN)
        for step in (step for step in self._steps.values() if step.ended is None):
            self._say(step.name, trouble(self.cluster, run, step.name, self._tasks))

    def _say(self, step: str, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self.tell(Note(step, sentence, urgent=True))
