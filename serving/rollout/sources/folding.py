"""The counters of many pods as one set that never falls. Pure.

Pods come, go and start again, and each has counters of its own. What a pod adds is what it counts
on top of its last reading; one that is gone keeps what it has counted. A counter that went back
began anew, at zero, so that all it shows is new. A pod that was not there before adds everything
where it is known to have counted nothing before the epoch: its process was born in it, or it was
scraped and had no series yet. Where neither is known the epoch changes: nothing is subtracted then,
and nothing that happened before is taken for news.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from serving.rollout.sources.counters import Counters, added, since

FORGOTTEN_S = 900.0


class Pod(NamedTuple):
    """One process that counts: its revision, its name, and where Prometheus scrapes it."""

    revision: str
    name: str
    job: str = ""
    instance: str = ""


@dataclass(frozen=True)
class Reading:
    """What a pod had counted when it was scraped, at `at`; `born` 0 where nobody knows."""

    at: float
    counters: Counters
    born: float = 0.0


@dataclass(frozen=True)
class Fold:
    """Everything counted, and each pod's last reading; the epoch is the moment of its beginning."""

    epoch: float
    at: float
    totals: Mapping[str, Counters]
    pods: Mapping[Pod, Reading]
    watched: Set[tuple[str, str]] = field(default_factory=frozenset)

    @classmethod
    def of(
        cls, pods: Mapping[Pod, Reading], watched: Set[tuple[str, str]], at: float, epoch: float
    ) -> Fold:
        """Begin with all that there is; `watched`: the (job, instance) that were scraped."""
        totals = _plus({}, {pod: reading.counters for pod, reading in pods.items()})
        return cls(epoch, at, totals, dict(pods), watched)

    def after(self, pods: Mapping[Pod, Reading], watched: Set[tuple[str, str]], at: float) -> Fold:
        """Return the fold with a later set of readings."""
        news = {pod: self._news(pod, reading) for pod, reading in pods.items()}
        if any(new is None for new in news.values()):
            kept = {pod: r for pod, r in self.pods.items() if pod not in pods}
            return Fold.of({**kept, **pods}, watched, at, at)
        totals = _plus(self.totals, {pod: new for pod, new in news.items() if new is not None})
        return replace(self, at=at, totals=totals, watched=watched).keep(pods)

    def keep(self, pods: Mapping[Pod, Reading]) -> Fold:
        """Return the fold with these as last readings; pods long gone are forgotten."""
        known = {p: r for p, r in self.pods.items() if self.at - r.at < FORGOTTEN_S}
        newer = {p: r for p, r in pods.items() if p not in known or r.at > known[p].at}
        return replace(self, pods={**known, **newer})

    def _news(self, pod: Pod, reading: Reading) -> Counters | None:
        """Return what a pod adds, None where nobody knows what of it is new."""
        before = self.pods.get(pod)
        if before is None:
            is_new = reading.born > self.epoch or (pod.job, pod.instance) in self.watched
            return reading.counters if is_new else None
        if reading.at <= before.at:
            return {}
        if reading.born > before.born > 0:
            return reading.counters
        more = since(reading.counters, before.counters)
        return reading.counters if more is None else more


def _plus(totals: Mapping[str, Counters], news: Mapping[Pod, Counters]) -> dict[str, Counters]:
    found = dict(totals)
    for pod, counters in news.items():
        found[pod.revision] = added(found.get(pod.revision, {}), counters)
    return found
