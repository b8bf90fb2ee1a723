"""When readings that were scraped one after the other may be told as one. Pure.

Prometheus scrapes each pod at a moment of its own. A canary that was scraped, beside a stable
revision that was not yet, would look as if it had all of the traffic. So numbers move in rounds:
not before every pod was scraped anew since the last one. And after a change of the split none is
told before every pod was scraped since the change: what an earlier split did is not its own.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

from serving.rollout.sources.answers import Answer
from serving.rollout.sources.folding import Fold

Split = tuple[tuple[str, int], ...]
"""Revisions and their percents."""
SLACK_S = 1.0


@dataclass(frozen=True)
class Rounds:
    """The fold as of the last whole round, and since when the split is what it is."""

    split: Split = ()
    since: float = math.inf
    fold: Fold | None = None

    def under(self, split: Split, at: float) -> Rounds:
        """Return the rounds under the split that is live now, at `at` of Prometheus' clock."""
        return self if split == self.split else replace(self, split=split, since=at)

    def after(self, answer: Answer) -> Rounds:
        """Return the rounds with one more answer; the same ones where the round is not over."""
        if self.fold is None:
            fold = Fold.of(answer.pods, answer.up, answer.at, epoch=answer.at)
            return replace(self, fold=fold)
        known = self.fold.pods
        if any(p in known and r.at <= known[p].at for p, r in answer.pods.items()):
            return self
        return replace(self, fold=self.fold.after(answer.pods, answer.up, answer.at))

    def complaint(self, answer: Answer, wanted: Collection[str]) -> str | None:
        """Return why nothing can be told of this answer, None where something can."""
        seen = {pod.revision for pod in answer.pods}
        missing = sorted(set(wanted) - seen)
        if missing:
            return f"it has no requests of {missing[0]}; see whether its pods are scraped"
        return _copied(answer) or _down(self.fold, answer) or _stale(answer) or _early(self, answer)


def _copied(answer: Answer) -> str | None:
    if not answer.copied:
        return None
    return f"it scrapes the pod {min(answer.copied)} more than once; take one of the jobs away"


def _down(fold: Fold | None, answer: Answer) -> str | None:
    known = {*(fold.pods if fold else ()), *answer.pods}
    down = sorted(pod.name for pod in known if (pod.job, pod.instance) in answer.down)
    return f"it cannot scrape the pod {down[0]}; see its page Targets" if down else None


def _stale(answer: Answer) -> str | None:
    oldest, pod = min((reading.at, pod.name) for pod, reading in answer.pods.items())
    limit = 2 * answer.interval_s + SLACK_S
    if answer.at - oldest <= limit:
        return None
    return (
        f"its newest numbers of the pod {pod} are {answer.at - oldest:.0f} s old, and "
        f"{limit:.0f} s are two scrapes; see its page Targets"
    )


def _early(rounds: Rounds, answer: Answer) -> str | None:
    if all(reading.at > rounds.since for reading in answer.pods.values()):
        return None
    return (
        "not every pod was scraped since the split changed; "
        f"wait a scrape interval ({answer.interval_s:.0f} s)"
    )
