"""How KServe and Knative turn one percentage into a traffic block: values in, values out.

Three rules follow one another until nothing changes any more (`settle`):

    traffic_block   what KServe asks Knative for      (its createKnativeService)
    resolve         what Knative's Route then serves  (`latestRevision`: the newest READY revision)
    roll_out        what KServe infers from that      (its InferenceServiceStatus.PropagateStatus)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from serving.local.observed import Observed, Phase

PREVIOUS_TAG = "prev"
LATEST_TAG = "latest"
SETTLED_AFTER = 8  # rounds; the longest known chain, a rollback after a promotion, needs 3


@dataclass(frozen=True)
class TrafficTarget:
    """One entry of a traffic block; in a spec the latest target names no revision."""

    percent: int
    latest: bool
    revision: str | None = None
    tag: str | None = None

    def to_json(self, urls: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the entry as Knative writes it; `urls` maps a tag to its address."""
        entry: dict[str, Any] = {"latestRevision": self.latest, "percent": self.percent}
        if self.revision:
            entry["revisionName"] = self.revision
        if self.tag:
            entry["tag"] = self.tag
            if urls and self.tag in urls:
                entry["url"] = urls[self.tag]
        return entry

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> TrafficTarget:
        """Return the target that a stored traffic entry says."""
        return cls(
            percent=int(entry.get("percent") or 0),
            latest=bool(entry.get("latestRevision")),
            revision=entry.get("revisionName"),
            tag=entry.get("tag"),
        )


Block = tuple[TrafficTarget, ...]


@dataclass(frozen=True)
class Wanted:
    """What an InferenceService's spec says about traffic."""

    percent: int | None = None
    tagged: bool = False  # annotation serving.kserve.io/enable-tag-routing


@dataclass(frozen=True)
class State:
    """Everything that traffic depends on, as it is kept in the ksvc and the isvc."""

    created: str | None = None  # the newest revision
    ready: str | None = None  # the newest revision that ever became ready
    asked: Block = ()  # ksvc.spec.traffic
    served: Block = ()  # ksvc.status.traffic
    rolledout: str | None = None
    previous: str | None = None

    def running(self) -> frozenset[str]:
        """Return the revisions whose processes are needed; the previous champion stays warm."""
        named = {target.revision for target in (*self.asked, *self.served)}
        return frozenset(filter(None, named | {self.created, self.rolledout, self.previous}))


def number(revision: str) -> int:
    """Return the generation at the end of a revision's name: `iris-predictor-00003` is 3."""
    return int(revision.rpartition("-")[2])


def traffic_block(wanted: Wanted, rolledout: str | None) -> Block:
    """Return the block that KServe writes into the ksvc's spec."""
    tag = LATEST_TAG if wanted.tagged else None
    if wanted.percent is None or rolledout is None:
        return (TrafficTarget(100, latest=True, tag=tag),)
    latest = TrafficTarget(wanted.percent, latest=True, tag=tag)
    if wanted.percent == 100:
        return (latest,)
    rest = TrafficTarget(100 - wanted.percent, latest=False, revision=rolledout, tag=PREVIOUS_TAG)
    return (latest, rest)


def newest_ready(current: str | None, observed: Mapping[str, Observed]) -> str | None:
    """Return the newest ready revision; it never goes back to an older one than `current`."""
    floor = number(current) if current else 0
    ready = [name for name, seen in observed.items() if seen.phase is Phase.READY]
    return max((name for name in ready if number(name) >= floor), key=number, default=current)


def share(block: Iterable[TrafficTarget], revision: str | None) -> int:
    """Return the percent of a block that one revision gets, over all its entries."""
    return sum(target.percent for target in block if target.revision == revision)


def resolve(state: State, observed: Mapping[str, Observed]) -> Block:
    """Return what is served: the asked block, once none that is not ready would get more by it."""
    if state.ready is None:
        return ()
    block = tuple(replace(t, revision=state.ready) if t.latest else t for t in state.asked)
    waiting = (t.revision for t in block if not is_ready(t.revision, observed))
    if any(share(block, name) > share(state.served, name) for name in waiting):
        return state.served
    return block


def is_ready(revision: str | None, observed: Mapping[str, Observed]) -> bool:
    """Say whether the revision's process answers now."""
    seen = observed.get(revision or "")
    return seen is not None and seen.phase is Phase.READY


def roll_out(state: State) -> State:
    """Return the state with the rolled-out revision that KServe infers from the traffic served."""
    target = next((t for t in state.served if t.latest and t.revision == state.ready), None)
    if target is None:
        return state
    if state.rolledout != state.ready and target.percent == 100:
        return replace(state, rolledout=state.ready, previous=state.rolledout)
    undone = (
        state.rolledout == state.ready == state.created
        and target.percent < 100
        and share(state.served, state.ready) == 100
        and state.previous is not None
    )
    return replace(state, rolledout=state.previous) if undone else state


def advance(state: State, wanted: Wanted, observed: Mapping[str, Observed]) -> State:
    """Return the state after one round of KServe asking, Knative serving and KServe inferring."""
    state = replace(state, ready=newest_ready(state.ready, observed))
    state = replace(state, asked=traffic_block(wanted, state.rolledout))
    return roll_out(replace(state, served=resolve(state, observed)))


def settle(state: State, wanted: Wanted, observed: Mapping[str, Observed]) -> State:
    """Return the state in which the three rules agree."""
    for _ in range(SETTLED_AFTER):
        after = advance(state, wanted, observed)
        if after == state:
            break
        state = after
    return state


def hold(state: State, observed: Mapping[str, Observed]) -> State:
    """Return the state while the spec is refused: what is asked of Knative stays as it was."""
    state = replace(state, ready=newest_ready(state.ready, observed))
    return replace(state, served=resolve(state, observed))
