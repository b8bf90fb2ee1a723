"""The state of one rollout: a frozen value that lives in the InferenceService's own annotation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from serving.errors import ServiceError, UsageError
from serving.isvc.drivers import Asked, Driver
from serving.isvc.modes import Mode
from serving.isvc.resource import LIVE_VERSION, ROLLOUT, ServiceView
from serving.rollout.judge import Case
from serving.rollout.observation import Observation
from serving.rollout.policy import Policy
from serving.rollout.shadow_tally import Tally, cut

FORMAT = 1
LONGEST_REASON = 500
LONGEST_GROUND = 400
LONGEST_HISTORY = 12
LONGEST_TEXT = 8000
"""Bytes of the annotation."""
IN_THE_SHADOW = "the shadow"


class Phase(StrEnum):
    """Where a rollout stands. A conflict is no phase: who meets one must not write."""

    WAITING = "waiting"
    SHADOWING = "shadowing"
    OBSERVING = "observing"
    PROMOTING = "promoting"
    PROMOTED = "promoted"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    APPROVAL = "awaiting_approval"
    PAUSED = "paused"
    HELD = "held"


STANDING = frozenset({Phase.APPROVAL, Phase.PAUSED})
"""A person is waited for, and the canary is looked at meanwhile."""
OVER = frozenset({Phase.PROMOTED, Phase.ROLLED_BACK})


@dataclass(frozen=True)
class Judged:
    """One finished judgement, kept for people: at which percent, what, and on what grounds.

    `numbers` (`serving.rollout.measured`) go to the ledger with the decision; the annotation has no
    room for them.
    """

    percent: int
    verdict: str
    grounds: tuple[str, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what the annotation keeps."""
        return {"percent": self.percent, "verdict": self.verdict, "grounds": list(self.grounds)}

    @property
    def where(self) -> str:
        """The part of the rollout that was judged, for people."""
        return f"at {self.percent} %" if self.percent else f"in {IN_THE_SHADOW}"


@dataclass(frozen=True)
class Rollout:
    """One version on its way to all of the traffic.

    percent         what the spec asks for in this phase; None = no percent at all
    stable          the revision to go back to; "" where nothing was live before
    created_before  the newest revision at the start: the canary is a newer one. "" where the uri
                    did not change, since then no new revision is made
    since           when this step began (seconds since 1970)
    case            what was gathered on the canary up to the baseline, None before the first one
    asked           requests of the canary in this step up to the baseline
    baseline        the counters since which nothing was gathered; None until the split is live
    holder          the process that carries it on; it has until `lease_until` to show itself
    ledger          the receipt of its newest record in the ledger (`serving.rollout.ledger`)
    undo            whether it goes back to a version that was live before
    asking          the percent that waits for a person's approval, 0 where none does
    shadow          what has come of the shadow so far; None before its first row
    """

    id: str
    service: str
    version: str
    uri: str
    policy: Policy
    phase: Phase = Phase.WAITING
    percent: int | None = 0
    step: int = 0
    since: float = 0.0
    stable: str = ""
    canary: str = ""
    created_before: str = ""
    from_version: str | None = None
    from_uri: str | None = None
    case: Case | None = None
    asked: int = 0
    baseline: Observation | None = None
    history: tuple[Judged, ...] = ()
    reason: str = ""
    run_id: str = ""
    holder: str = ""
    lease_until: float = 0.0
    ledger: str = ""
    undo: bool = False
    asking: int = 0
    shadow: Tally | None = None

    @property
    def over(self) -> bool:
        """Say whether nothing is left to do, by anybody."""
        return self.phase in OVER

    @property
    def first(self) -> bool:
        """Say whether nothing was live before, so that there is nothing to compare with."""
        return not self.stable

    @property
    def live_version(self) -> str | None:
        """The version that has (or keeps) the traffic when the rollout stops here."""
        return self.version if self.phase is Phase.PROMOTED else self.from_version

    def remember(self, judged: Judged) -> Rollout:
        """Return the state with one more line of history; the oldest lines go first."""
        grounds = tuple(cut(ground, LONGEST_GROUND) for ground in judged.grounds)
        kept = replace(judged, grounds=grounds)
        return replace(self, history=(*self.history, kept)[-LONGEST_HISTORY:])

    def because(self, reason: str) -> Rollout:
        """Return the state with the reason why it is where it is."""
        return replace(self, reason=cut(reason, LONGEST_REASON))

    def to_json(self) -> str:
        """Return the annotation's text, below 8 KB: what people read gives way, oldest first."""
        state, text = self, _written(self)
        while len(text.encode()) > LONGEST_TEXT and (state.history or state.reason):
            state = _shorter(state)
            text = _written(state)
        return text

    @classmethod
    def from_json(cls, text: str) -> Rollout:
        """Return the state that `to_json` wrote; raises ValueError, KeyError or TypeError."""
        value = json.loads(text)
        if (found := value.pop("format")) != FORMAT:
            raise ValueError(f"format {found!r}, this program reads {FORMAT}: use the newer one")
        value["policy"] = Policy.from_mapping(value["policy"])
        value["phase"] = Phase(value["phase"])
        value["case"] = Case.from_json(value["case"]) if value.get("case") else None
        value["baseline"] = Observation.from_json(value["baseline"]) if value["baseline"] else None
        value["shadow"] = Tally.from_json(value["shadow"]) if value.get("shadow") else None
        value["history"] = tuple(_judged(entry) for entry in value["history"])
        return cls(**value)


def rollout_of(view: ServiceView) -> Rollout | None:
    """Return the newest rollout of a service, None if it never had one of ours."""
    text = view.annotations.get(ROLLOUT)
    if text is None:
        return None
    try:
        return Rollout.from_json(text)
    except (ValueError, KeyError, TypeError, AttributeError, UsageError) as error:
        raise ServiceError(
            f"{view.name}: its annotation {ROLLOUT} cannot be read ({error}). Take it away with "
            f"`kubectl annotate isvc {view.name} {ROLLOUT}-`, then try again."
        ) from error


def live_version(view: ServiceView) -> str | None:
    """Return the version that is rolled out; None where it came from elsewhere."""
    state = rollout_of(view)
    if state is None:
        return view.annotations.get(LIVE_VERSION)
    if view.mode is Mode.STANDARD:
        uris = {state.from_uri: state.from_version, state.uri: state.version}
        return uris.get(live_uri(view) or "")
    if view.rolled_out and view.rolled_out == state.canary:
        return state.version
    return state.from_version if view.rolled_out == state.stable else None


def live_uri(view: ServiceView) -> str | None:
    """Return the uri of the model that is rolled out; None where that cannot be known."""
    if view.mode is Mode.STANDARD:
        return view.storage_uri if view.rolled_out else None
    state = rollout_of(view)
    if state is not None and view.rolled_out and view.rolled_out == state.stable:
        return state.from_uri
    if state is not None and view.rolled_out and view.rolled_out == state.canary:
        return state.uri
    return view.storage_uri if view.rolled_out and view.rolled_out == view.latest_created else None


def disagreement(state: Rollout, view: ServiceView, driver: Driver) -> str | None:
    """Return what differs between the spec and the state: somebody changed it by hand."""
    taken_out = state.phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK)
    asked = Asked(state.uri, state.percent, state.from_uri, taken_out)
    return driver.difference(view, asked)


def _written(state: Rollout) -> str:
    value = asdict(replace(state, baseline=None, case=None, shadow=None, history=()))
    value["history"] = [judged.to_json() for judged in state.history]
    value["format"] = FORMAT
    value["policy"] = state.policy.to_json()
    for key in ("case", "baseline", "shadow"):
        part = getattr(state, key)
        value[key] = part.to_json() if part else None
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _shorter(state: Rollout) -> Rollout:
    """Return it without its oldest grounds, then without its oldest verdict, with half a reason."""
    told = next((at for at, judged in enumerate(state.history) if judged.grounds), None)
    if told is not None:
        bare = replace(state.history[told], grounds=())
        return replace(state, history=(*state.history[:told], bare, *state.history[told + 1 :]))
    if state.history:
        return replace(state, history=state.history[1:])
    return replace(state, reason=state.reason[: len(state.reason) // 2])


def said(phase: Phase) -> str:
    """Return the phase as words of a sentence: "version 2 is …"."""
    return phase.replace("_", " ")


def _judged(entry: Mapping[str, Any]) -> Judged:
    return Judged(int(entry["percent"]), str(entry["verdict"]), tuple(entry["grounds"]))
