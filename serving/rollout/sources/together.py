"""Two sources as one: requests of the first, predictions of the second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from serving.isvc.resource import ServiceView
from serving.rollout.observation import Counts, NotMeasured, Observation
from serving.rollout.sources.predictors import epoch_of
from serving.rollout.sources.source import Source

EVERY_S = 1.0
"""At most one question to the second in this time: predictors have predictions to make."""
RETRY_S = 5.0
"""The same after one that it could not answer: waiting for it keeps a rollout from looking on."""


@dataclass(frozen=True)
class Predictions:
    """Rows by class and by confidence that never fall, whatever the second source does.

    A reading of another epoch, or one that went back, adds nothing: the rows of a restart are
    lost, and none is invented. `anchor` tells the epoch that the rows were counted from.
    """

    anchor: str = ""
    last: Observation | None = None
    totals: Mapping[str, Counts] = field(default_factory=dict)

    def after(self, seen: Observation | NotMeasured, now: float) -> Predictions:
        """Return the rows with one more reading; one that is missing changes nothing."""
        if isinstance(seen, NotMeasured):
            # Rows counted from a moment on are no other process's rows: that moment tells which.
            return self if self.anchor else Predictions(f"since {now!r}")
        if not self.anchor:
            return Predictions(f"epoch {seen.epoch!r}", seen, seen.revisions)
        return Predictions(self.anchor, seen, {**self.totals, **self._grown(seen)})

    def _grown(self, seen: Observation) -> dict[str, Counts]:
        same = self.last is not None and self.last.epoch == seen.epoch
        before = self.last.revisions if self.last and same else {}
        return {
            name: _plus(self.totals.get(name, Counts()), now, before.get(name))
            for name, now in seen.revisions.items()
        }


class Together:
    """Requests, errors and latencies of `first`, classes and confidence of `second`.

    The second is asked once a second at most, and never blocks the first: where it cannot tell,
    no further rows are seen. Its epoch at the first look is a part of the epoch, so that a process
    that goes on with a rollout subtracts rows only from rows that were counted from the same
    beginning; its later restarts are not, since the requests of the first go on all the same.
    """

    def __init__(self, first: Source, second: Source) -> None:
        self.first, self.second = first, second
        self._rows: dict[tuple[str, str], tuple[float, Predictions]] = {}

    def observe(self, view: ServiceView, now: float) -> Observation | NotMeasured:
        """Return what the first counted, with the predictions that the second knows of."""
        seen, rows = self.first.observe(view, now), self._predictions(view, now)
        if isinstance(seen, NotMeasured):
            return seen
        epoch = epoch_of([f"requests {seen.epoch!r}", rows.anchor])
        names = {**seen.revisions, **rows.totals}
        both = {name: _with(seen.of(name), rows.totals.get(name, Counts())) for name in names}
        return Observation(epoch, seen.at, both)

    def _predictions(self, view: ServiceView, now: float) -> Predictions:
        key = (view.namespace, view.name)
        due, known = self._rows.get(key, (now, Predictions()))
        if now >= due:
            seen = self.second.observe(view, now)
            known = known.after(seen, now)
            due = now + (EVERY_S if isinstance(seen, Observation) else RETRY_S)
            self._rows = {key: (due, known)}
        return known


def _with(requests: Counts, rows: Counts) -> Counts:
    return replace(
        requests,
        classes=rows.classes,
        confidence=rows.confidence,
        confidence_bounds=rows.confidence_bounds,
    )


def _plus(total: Counts, now: Counts, before: Counts | None) -> Counts:
    """Return the rows that were known, and those that came between two readings."""
    if before is None or before.confidence_bounds != now.confidence_bounds:
        return total
    if total.confidence and total.confidence_bounds != now.confidence_bounds:
        return total
    classes = {label: rows - before.classes.get(label, 0) for label, rows in now.classes.items()}
    confidence = [a - b for a, b in zip(now.confidence, before.confidence, strict=True)]
    if min((*classes.values(), *confidence), default=0) < 0:
        return total
    sums = Counter(total.classes)
    sums.update(classes)
    known = total.confidence or (0,) * len(confidence)
    return Counts(
        classes=sums,
        confidence=tuple(a + b for a, b in zip(known, confidence, strict=True)),
        confidence_bounds=now.confidence_bounds,
    )
