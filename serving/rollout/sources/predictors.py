"""The predictors' own counters, each asked at the address of its revision's tag."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from serving.isvc.resource import ServiceView
from serving.rollout.observation import Counts, NotMeasured, Observation
from serving.rollout.sources import counters
from serving.rollout.sources.fetching import Limits, Unreadable, fetch, shown
from serving.rollout.sources.source import Addresses, idle, tag_addresses
from serving.rollout.sources.text import Sample, lines_with, samples

BORN = "process_start_time_seconds"
KINDS = {
    "kanarya_predictor_requests_total": (counters.CODE, "code"),
    "kanarya_predictor_request_seconds_bucket": (counters.SECONDS, "le"),
    "kanarya_predictions_total": (counters.LABEL, "label"),
    "kanarya_prediction_confidence_bucket": (counters.CONFIDENCE, "le"),
}
WORDS = (b"kanarya_predict", BORN.encode())
LIMITS = Limits(largest=4 << 20)
REMEMBERED_S = 60.0


@dataclass(frozen=True)
class Page:
    """What one predictor counted since it was born (seconds since 1970)."""

    born: float
    counts: Counts


@dataclass(frozen=True)
class Births:
    """When the processes behind one address were born, and when each was last met.

    A restarted process never comes back. One that is met again after another was is one of
    several, and the counters of several that take turns tell nothing.
    """

    met: Mapping[float, float] = field(default_factory=dict)
    newest: float = 0.0
    turns_at: float = -math.inf

    def after(self, born: float, now: float) -> Births:
        """Return the births with one more reading, without those of long ago."""
        turns = born in self.met and born != self.newest
        met = {b: at for b, at in self.met.items() if now - at < REMEMBERED_S}
        return Births({**met, born: now}, born, now if turns else self.turns_at)

    def take_turns(self, now: float) -> bool:
        """Say whether several processes have answered lately."""
        return now - self.turns_at < REMEMBERED_S


class PredictorSource:
    """`/metrics` of each revision's predictor; sees classes and confidence as well.

    It sees neither what was never answered nor a second pod: behind one address a page is that of
    whichever pod answers. Several pods that take turns are noticed by their start times and are
    NotMeasured from then on; Prometheus sees them all. All workers of one pod are one page.
    """

    def __init__(self, addresses: Addresses = tag_addresses, limits: Limits = LIMITS) -> None:
        self._addresses, self._limits = addresses, limits
        self._births: dict[tuple[str, str, str], Births] = {}

    def observe(self, view: ServiceView, now: float) -> Observation | NotMeasured:
        """Return what the predictors counted; NotMeasured where one of them cannot tell."""
        without = idle(view)
        addresses = {r: url for r, url in self._addresses(view).items() if r not in without}
        if not addresses:
            return NotMeasured(f"{view.name} has no revision to ask; see `kubectl get isvc`")
        try:
            pages = {name: self._page(view, name, url) for name, url in addresses.items()}
        except Unreadable as error:
            return NotMeasured(str(error))
        for revision, page in pages.items():
            if self._takes_turns((view.namespace, view.name, revision), page.born, now):
                return NotMeasured(_several(revision))
        found = {revision: page.counts for revision, page in pages.items()}
        return Observation(_epoch(pages), now, found)

    def _page(self, view: ServiceView, revision: str, url: str) -> Page:
        if not url:
            raise Unreadable(
                f"{revision} of {view.name} has no address of its own; "
                "annotate the service with serving.kserve.io/enable-tag-routing: 'true'"
            )
        url = f"{url.rstrip('/')}/metrics"
        text = fetch(url, self._limits)
        try:
            return parsed(text)
        except ValueError as error:
            raise Unreadable(
                f"the metrics of {shown(url)} cannot be read ({error}); "
                "see whether a predictor of ours answers there"
            ) from error

    def _takes_turns(self, where: tuple[str, str, str], born: float, now: float) -> bool:
        births = self._births.get(where, Births()).after(born, now)
        self._births[where] = births
        return births.take_turns(now)


def parsed(text: bytes) -> Page:
    """Return what the page of a predictor says. Raises ValueError."""
    found = samples(line for word in WORDS for line in lines_with(text, word))
    births = [sample.value for sample in found if sample.name == BORN]
    if not births or not math.isfinite(births[0]):
        raise ValueError(f"it has no {BORN}")
    if not any(sample.name in KINDS for sample in found):
        raise ValueError("it counts no predictions")
    return Page(births[0], counters.counts(_counted(found)))


def _counted(found: Iterable[Sample]) -> Counter[counters.Key]:
    total: Counter[counters.Key] = Counter()
    for sample in found:
        if sample.name in KINDS:
            kind, label = KINDS[sample.name]
            word = sample.labels.get(label, "")
            key = counters.bound(word) if label == "le" else word
            total[kind, key] += counters.whole(sample.value, sample.name)
    return total


def _several(revision: str) -> str:
    return (
        f"several predictors answer for {revision} by turns, and one page shows one of them; "
        "let Prometheus scrape them all and set KANARYA_PROMETHEUS_URL"
    )


def _epoch(pages: Mapping[str, Page]) -> float:
    return epoch_of(f"{name}={page.born!r}" for name, page in pages.items())


def epoch_of(facts: Iterable[str]) -> float:
    """Return a number that is the same for the same facts, and hardly ever for others."""
    digest = hashlib.sha256("\n".join(sorted(facts)).encode()).digest()
    # A float holds 53 bits exactly, so that JSON brings back the very same number.
    return float(int.from_bytes(digest[:6], "big"))
