"""Gathering the metrics of all workers, for the one that was asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from serving.predictor.workers.reports import Report, counter, gauge, lasting, merged

PATIENCE_S = 1.0
"""How long a scrape waits for a worker; after that its last word counts."""


@dataclass
class Round:
    """One scrape: who asked, under which word, and who has not answered yet."""

    asker: int
    word: int
    until: float
    waiting: set[int]


@dataclass(frozen=True)
class Result:
    """A scrape that is done."""

    asker: int
    word: int
    report: Report


class Census:
    """The last word of every worker, and of those that are gone; knows no socket and no clock.

    A worker that died takes with it what it counted since the last scrape; what a scrape has
    shown once is kept, so that no counter goes backwards.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._restarts = 0
        self._last: dict[int, Report] = {}
        self._gone: Report = {}
        self._rounds: list[Round] = []

    def ask(self, asker: int, word: int, alive: Iterable[int], now: float) -> None:
        """Begin a scrape; every worker in `alive` is to be asked."""
        self._rounds.append(Round(asker, word, now + PATIENCE_S, set(alive)))

    def tell(self, number: int, report: Report) -> None:
        """Take a worker's word."""
        self._last[number] = report
        for each in self._rounds:
            each.waiting.discard(number)

    def bury(self, number: int) -> None:
        """Keep what a worker that is gone has counted."""
        self._gone = merged([self._gone, lasting(self._last.pop(number, {}))])
        for each in self._rounds:
            each.waiting.discard(number)

    def restart(self) -> None:
        """Count a worker that was started again."""
        self._restarts += 1

    @property
    def until(self) -> float | None:
        """When the next scrape stops waiting; None without one."""
        return min((each.until for each in self._rounds), default=None)

    def done(self, now: float) -> list[Result]:
        """Return, once, the scrapes that everybody has answered or that waited long enough."""
        over = [each for each in self._rounds if not each.waiting or each.until <= now]
        self._rounds = [each for each in self._rounds if each not in over]
        return [Result(each.asker, each.word, self._report(len(each.waiting))) for each in over]

    def _report(self, silent: int) -> Report:
        name = "kanarya_predictor_workers"
        own = {
            **gauge(name, "Processes that are meant to answer", self._workers),
            **gauge(f"{name}_silent", "Workers that did not answer this scrape in time", silent),
            **counter(f"{name}_restarts", "Workers that died and were replaced", self._restarts),
        }
        return {**merged([self._gone, *self._last.values()]), **own}
