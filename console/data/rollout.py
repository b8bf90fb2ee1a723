"""One rollout as it goes on: its split, what both revisions did, the evidence, who decided what.

Where it stands is read from the InferenceService, what was decided from the ledger, and what came
since from the source that the judge asks too; so the evidence here is the judge's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from console.data.rollout_seen import Point, Seen, seen_now, trail_of
from serving.errors import KanaryaError
from serving.isvc.client import connect
from serving.isvc.resource import ServiceView
from serving.isvc.services import Services
from serving.rollout import manual
from serving.rollout.card.looks import Look, looks
from serving.rollout.card.words import seconds_of
from serving.rollout.decision import decision
from serving.rollout.ledger import Ledger, StoredLedger
from serving.rollout.sources import ChosenSource, Source
from serving.rollout.state import Phase, Rollout, rollout_of
from serving.settings import Settings

AWAY_S = 5.0
"""Where the service cannot be asked, the ledger is read so often."""
MOST_POINTS = 900


@dataclass(frozen=True)
class Moment:
    """One decision: when (seconds since 1970), what, at which percent, why, and by whom."""

    at: float
    kind: str
    percent: int | None
    why: str
    actor: str


@dataclass(frozen=True)
class Watched:
    """A rollout at one moment.

    `outcome`: promoted, rolled_back, failed, held, conflict or under_way. `phase`: where it stands,
    "" where only the ledger tells. `now`: the newest numbers.
    `points`: shares and evidence as they were measured. `asking`: the percent that waits for an
    approval. `decisions`: what a person may decide now. `trouble`: what could not be read.
    """

    service: str
    id: str = ""
    run: str = ""
    version: str = ""
    before: str = ""
    undo: bool = False
    outcome: str = "under_way"
    phase: str = ""
    percent: int | None = None
    reason: str = ""
    began: float = 0.0
    ended: float | None = None
    moments: tuple[Moment, ...] = ()
    points: tuple[Point, ...] = ()
    now: Seen = field(default_factory=Seen)
    decisions: tuple[str, ...] = ()
    asking: int = 0
    trouble: str = ""
    over: bool = False


@dataclass
class Watcher:
    """Reads a rollout again and again; for one thread at a time.

    `run`: the run that began it; "": the newest of the service.
    """

    service: str
    run: str
    services: Callable[[], Services]
    ledger: Ledger
    source: Source
    clock: Callable[[], float] = time.time
    _read_as: object = None
    _told: Mapping[str, Any] | None = None
    _looks: tuple[Look, ...] = ()
    _points: list[Point] = field(default_factory=list)

    @classmethod
    def of(cls, settings: Settings, service: str, run: str = "") -> Watcher:
        """Return a watcher of a service of this installation; nothing is asked yet."""
        return cls(
            service,
            run,
            lambda: connect(settings.kubeconfig, settings.namespace),
            StoredLedger(settings.ledger, settings.namespace),
            ChosenSource(settings),
        )

    def read(self) -> Watched | None:
        """Return the rollout as it is now, None where none has begun; it raises no KanaryaError."""
        view, state, trouble = self._service()
        try:
            told = self._decision(state)
        except KanaryaError as error:
            return Watched(self.service, trouble=str(error))
        if told is None:
            return None
        mine = state if state and state.id == told["rollout"] else None
        found = replace(_recorded(told, self._looks), trouble=trouble)
        if mine is None or view is None:
            return replace(found, points=self._marked(), over=_ended(told) or not trouble)
        return self._standing(found, mine, view)

    def _service(self) -> tuple[ServiceView | None, Rollout | None, str]:
        try:
            view = self._client.get(self.service)
            return view, rollout_of(view) if view else None, ""
        except KanaryaError as error:
            return None, None, str(error)

    @cached_property
    def _client(self) -> Services:
        """Return the API server's client, made at the first look: its library is a large one."""
        return self.services()

    def _decision(self, state: Rollout | None) -> Mapping[str, Any] | None:
        """Return what the ledger says of the rollout; read again where something was added."""
        read_as = (state.id, state.ledger) if state else int(self.clock() / AWAY_S)
        if read_as != self._read_as or self._told is None:
            chain = self.ledger.chain(self.service)
            ids = [r.entry.rollout for r in chain.records if self.run in ("", r.entry.run)]
            self._told = decision(chain, ids[-1]) if ids else None
            self._looks = looks(self._told) if self._told else ()
            self._read_as = read_as
        return self._told

    def _standing(self, found: Watched, state: Rollout, view: ServiceView) -> Watched:
        now = self.clock()
        seen = seen_now(state, self.source.observe(view, now) if _counts(state) else None)
        if seen.guards and _counts(state):
            self._add(Point.of(now, state.percent or 0, seen))
        return replace(
            found,
            phase=state.phase.value,
            percent=100 if state.phase in (Phase.PROMOTING, Phase.PROMOTED) else state.percent,
            reason=state.reason or found.reason,
            now=seen if seen.guards or seen.why else found.now,
            points=self._marked(),
            decisions=(*manual.possible(state, now), *_undoing(state)),
            asking=state.asking,
            over=state.over,
        )

    def _marked(self) -> tuple[Point, ...]:
        """Return what was measured here, and what the ledger keeps of the time before."""
        began = seconds_of(self._told["began"]).timestamp() if self._told else 0.0
        kept = trail_of(self._looks, began)
        return tuple(sorted([*kept, *self._points], key=lambda point: point.at))

    def _add(self, point: Point) -> None:
        if self._points and self._points[-1].same(point):
            return
        self._points = [*self._points, point]
        if len(self._points) > MOST_POINTS:  # every second one of the older half goes
            half = MOST_POINTS // 2
            self._points = [*self._points[:half:2], *self._points[half:]]


def _recorded(told: Mapping[str, Any], judged: tuple[Look, ...]) -> Watched:
    before, last = told["from"] or {}, judged[-1] if judged else None
    return Watched(
        service=told["service"],
        id=told["rollout"],
        run=told["run"],
        version=str(told["to"]["version"] or ""),
        before=str(before.get("version") or ""),
        undo=told["undo"],
        outcome=told["outcome"],
        percent=told["timeline"][-1]["percent"],
        reason=told["reason"],
        began=seconds_of(told["began"]).timestamp(),
        ended=seconds_of(told["ended"]).timestamp() if told["ended"] else None,
        moments=tuple(_moment(each) for each in told["timeline"]),
        now=Seen.at(last) if last else Seen(),
        over=_ended(told),
    )


def _moment(each: Mapping[str, Any]) -> Moment:
    at = seconds_of(each["at"]).timestamp()
    return Moment(at, each["kind"], each["percent"], each["why"], each["actor"])


def _ended(told: Mapping[str, Any]) -> bool:
    return told["ended"] is not None


def _counts(state: Rollout) -> bool:
    """Say whether requests are counted now."""
    looks_on = state.phase in (Phase.OBSERVING, Phase.APPROVAL, Phase.PAUSED, Phase.HELD)
    return looks_on and bool(state.percent) and state.baseline is not None


def _undoing(state: Rollout) -> tuple[str, ...]:
    went_live = state.phase is Phase.PROMOTED and state.from_version is not None
    return ("rollback",) if went_live else ()
