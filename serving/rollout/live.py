"""What was live, when, and what went before it: the records read as a history. Pure.

A promotion makes a version live and remembers the one it took over from; going back makes that
one live again, with what it had taken over from. So going back twice goes two back, not to and
fro, and going forward again (`--to`) finds what it had left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from serving.rollout.record import TAKEN_OVER, Model, Record

_ENDED = ("promoted", "rolled_back")


@dataclass(frozen=True)
class Live:
    """A model that became live, by which record (None: it was live already), and over which."""

    model: Model
    record: Record | None = None
    over: Live | None = None

    def older(self) -> Iterator[Live]:
        """Yield what was live before, the newest first."""
        before = self.over
        while before is not None:
            yield before
            before = before.over


@dataclass(frozen=True)
class Standing:
    """What a service served at one moment: what was live, and the newest record until then."""

    live: Live | None
    newest: Record | None

    @property
    def beside(self) -> Record | None:
        """The record of a rollout that was under way, None where there was none."""
        newest = self.newest
        return newest if newest and newest.entry.kind not in (*_ENDED, "conflict") else None


def standing(records: Sequence[Record], at: datetime | None = None) -> Standing:
    """Return what was live at a moment (a record of that very moment counts), or at the end."""
    until = [record for record in records if at is None or record.at <= at]
    if not until:
        return Standing(None, None)
    last = until[-1].entry
    newest = telling([each for each in until if each.entry.rollout == last.rollout])
    history = lives(until)
    if history:
        return Standing(history[-1], newest)
    return Standing(Live(last.before) if last.before else None, newest)


def telling(records: Sequence[Record]) -> Record:
    """Return the record that tells how a rollout stands: the last one.

    Whoever takes over a rollout whose end is written, but not in the service yet, only carries that
    end out: then it is the end.
    """
    ends = [record for record in records if record.entry.kind in (*_ENDED, "conflict")]
    late = records[-1].entry.kind == TAKEN_OVER and ends
    return ends[-1] if late else records[-1]


def lives(records: Iterable[Record]) -> tuple[Live, ...]:
    """Return what was live, one after the other; the last is live still."""
    history: list[Live] = []
    for record in records:
        now = _after(history, record)
        if now is not None:
            history.append(now)
    return tuple(history)


def _after(history: Sequence[Live], record: Record) -> Live | None:
    """Return what is live from this record on, None where it changes nothing."""
    entry, now = record.entry, history[-1] if history else None
    if entry.kind == "promoted" and not entry.to.same(now.model if now else None):
        before = _before(history, entry.before)
        known = _known(history, entry.to) if entry.undo else None
        return Live(entry.to, record, known.over if known else before)
    # A canary that was taken out had never been live; a promotion that is undone had.
    if entry.kind == "rolled_back" and now and entry.to.same(now.model) and entry.before:
        known = _known(history, entry.before)
        return Live(entry.before, record, known.over if known else None)
    return None


def _before(history: Sequence[Live], before: Model | None) -> Live | None:
    """Return what a promotion took over from; the ledger may not know how that became live."""
    now = history[-1] if history else None
    if before is None or (now and before.same(now.model)):
        return now
    return Live(before, over=now)


def _known(history: Sequence[Live], model: Model) -> Live | None:
    """Return how a model was live most lately."""
    return next((live for live in _all(history) if model.same(live.model)), None)


def _all(history: Sequence[Live]) -> Iterator[Live]:
    for live in reversed(history):
        yield live
        yield from live.older()


def back(records: Sequence[Record], levels: int) -> Model | None:
    """Return what was live that many levels before what is live now; None where nothing was."""
    now = standing(records).live
    older = list(now.older()) if now else []
    return older[levels - 1].model if 0 < levels <= len(older) else None


def ever_live(records: Sequence[Record]) -> tuple[Model, ...]:
    """Return every model that was live, the latest first, each once."""
    found: list[Model] = []
    for live in _all(lives(records)):
        if not any(live.model.same(model) for model in found):
            found.append(live.model)
    return tuple(found)
