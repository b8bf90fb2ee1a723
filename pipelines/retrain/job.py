"""Decide about the live models, and put a run on the queue where one is to be trained again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from components.monitor import windows
from pipelines.asked import Asked
from pipelines.enqueue import enqueue
from pipelines.retrain import data, labels, models, pause, rules, standing
from pipelines.retrain.deciding import decided
from pipelines.retrain.models import Model
from pipelines.retrain.rules import Data, Decision, Facts, Measured, Window
from pipelines.retrain.standing import Standing
from serving.errors import UsageError
from serving.local import record

if TYPE_CHECKING:
    from pipelines.retrain_spec import Retrain
    from pipelines.run_row import Row
    from pipelines.spec import AnySpec
    from serving.settings import Settings

BY = "retraining"
PRIORITY = -1
"""Whoever asks for a run comes first."""

Start = Callable[[Asked], str]
"""Starts a run and returns its id."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Done:
    """A decision about a model, and the run that it started, "" where it started none."""

    model: str
    version: str
    decision: Decision
    run_id: str = ""


def look(settings: Settings, now: datetime) -> None:
    """Decide about every live model that has a policy.

    What was decided of one that has none any more, or whose service is gone, is forgotten: it would
    be told of for ever, since nobody decides anew. Raises KanaryaError once all have been decided
    about.
    """

    def decide(model: Model) -> None:
        if model.policy is not None:
            settle(settings, model, now, queued(settings))
        else:
            standing.forget(settings, model.name)

    there = models.each(settings, decide)
    for name in standing.names(settings) - there:
        standing.forget(settings, name)


def queued(settings: Settings) -> Start:
    """Return what puts a run on the queue of this machine, behind those that people ask for."""
    return lambda asked: enqueue(settings, asked, priority=PRIORITY, by=BY)


def settle(
    settings: Settings, model: Model, now: datetime, start: Start | None, asked_by: str = ""
) -> Done:
    """Decide about a model, and `start` the run where that is decided; None only says it.

    Two that decide at once wait for each other. `asked_by`: a person who wants it now. Raises
    UsageError where nobody here knows the version's spec, or that has no policy.
    """
    with record.locked(record.services(settings) / "retrain.lock", wait=True):
        known = Known.of(settings, model)
        decision, facts = decided(known, now, asked_by)
        if start is None:
            return Done(model.name, model.version, decision)
        run_id = start(known.asked(decision)) if decision.verdict == "retrain" else ""
        done = Done(model.name, model.version, decision, run_id)
        note(settings, done, known.policy, facts)
        return done


@dataclass(frozen=True)
class Known:
    """A live model of which all is known that a decision needs."""

    settings: Settings
    model: Model
    made_by: Row
    spec: AnySpec
    policy: Retrain
    runs: list[tuple[Row, Path]]

    @classmethod
    def of(cls, settings: Settings, model: Model) -> Known:
        """Return it. Raises UsageError where the spec or its policy is not there."""
        made_by, spec = model.run, model.spec
        if made_by is None or spec is None:
            raise UsageError(
                f"version {model.version} of {model.name} was not made on this machine, so nobody "
                "here knows its spec; run it here once with `kanarya run`"
            )
        if spec.retrain is None:
            raise UsageError(
                f"the spec of version {model.version} of {model.name} ({made_by.run_id}) does not "
                "say when to train it again; add the part `retrain` to it and run it"
            )
        runs = models.runs_of(settings).of(model.name)
        return cls(settings, model, made_by, spec, spec.retrain, runs)

    def facts(self, now: datetime) -> Facts:
        """Return what is known at this moment. Raises KanaryaError where something cannot be."""
        when, model = self.policy.when, self.model
        last = standing.read(self.settings, model.name)
        return Facts(
            now=now,
            version=model.version,
            since=models.moment(self.made_by.started),
            windows=tuple(self._windows()),
            live=self._labelled() if when.live else None,
            past=models.past(self.runs),
            busy=models.busy(model.view, self.runs),
            paused_by=pause.paused_by(self.settings, model.name),
            let_go=last.let_go_at if last else None,
            data=self.data() if when.data else None,
        )

    def _labelled(self) -> Mapping[str, Measured]:
        return labels.measured(self.settings, self.model.name, self.model.version)

    def _windows(self) -> list[Window]:
        found = windows.read(self.settings, self.model.name)
        return [Window(e.drifted, e.sentence) for e in found if e.version == self.model.version]

    def data(self) -> Data:
        """Return what the spec's data is now. Raises KanaryaError where it cannot be read."""
        folder = next(path for row, path in self.runs if row.run_id == self.made_by.run_id)
        return data.now(self.settings, self.spec, folder, self.runs)

    def asked(self, decision: Decision) -> Asked:
        """Return the run: the spec of the live version, on its data as it is now."""
        made_from = {"retrain": self.made_by.run_id}
        return Asked(self.spec, made_from=made_from, why=decision.sentence)


def note(settings: Settings, done: Done, policy: Retrain, facts: Facts) -> None:
    """Write down in the home what is decided where it is new; log it where it is another one."""
    last, decision = standing.read(settings, done.model), done.decision
    goes_on = last is not None and (last.verdict, last.cause) == (decision.verdict, decision.cause)
    let_go = rules.heeded(policy, facts, decision)
    made = Standing(
        done.model,
        done.version,
        decision.verdict,
        decision.cause,
        decision.sentence,
        since=last.since if last and goes_on else facts.now.isoformat(timespec="seconds"),
        run_id=done.run_id or (last.run_id if last else ""),
        let_go=let_go.isoformat() if let_go else "",
    )
    if made != last:
        standing.write(settings, made)
    if not goes_on:
        log.info("%s, version %s: %s: %s", made.model, made.version, made.verdict, made.sentence)
