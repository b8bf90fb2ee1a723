"""A predictor's end: what is answered is sent in batches, and waits where nobody takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from serving.feedback.calling import CollectorError
from serving.feedback.keeping import PIECE, PIECE_ROWS, Keeper, Model, Pace
from serving.feedback.truths import Predicted
from serving.feedback.wire import predictions_of

CLASSES = ("x", "y")
QUICK = Pace(0.001, 0.001)
FIRST = np.array([[0.9, 0.1]], np.float32)
SECOND = np.array([[0.2, 0.8], [0.6, 0.4]], np.float32)


class Received:
    """Stands for the collector; refuses with `refusals` first, or never answers."""

    def __init__(self, *refusals: CollectorError, is_stuck: bool = False) -> None:
        self.refusals, self.rows, self.sizes = [*refusals], list[Predicted](), list[int]()
        self.came, self.is_stuck, self.is_open = asyncio.Event(), is_stuck, True

    async def send(self, message: bytes) -> None:
        if self.is_stuck:
            self.came.set()
            await asyncio.Event().wait()
        self.send_now(message, 1)

    def send_now(self, message: bytes, patience_s: float) -> None:
        assert 0 < patience_s <= 2
        if self.refusals:
            raise self.refusals.pop(0)
        rows = predictions_of(message)
        self.sizes.append(len(rows))
        self.rows += rows
        self.came.set()

    def close(self) -> None:
        self.is_open = False

    def told(self) -> list[tuple[Any, ...]]:
        return [(each.id, each.row, each.output) for each in self.rows]


def model(labels: tuple[str, ...] = CLASSES) -> Model:
    return Model.of("http://there/ml/", "iris", "3", labels)


def played(keeper: Keeper, received: Received, asked: Callable[[], None]) -> None:
    """Keep in an event loop until something came, and end it."""

    async def play() -> None:
        asked()
        async with asyncio.timeout(10):
            await received.came.wait()

    asyncio.run(play())
    keeper.close()


def test_what_is_kept_is_sent_by_row_with_the_class_that_was_answered() -> None:
    received = Received()
    keeper = Keeper(model(), line=received, pace=QUICK)

    def asked() -> None:
        keeper.keep(b"a", FIRST)
        keeper.keep("b", SECOND)

    played(keeper, received, asked)
    assert received.told() == [("a", 0, "x"), ("b", 0, "y"), ("b", 1, "x")]
    assert (keeper.kept, keeper.dropped, received.sizes) == (3, 0, [3])
    assert not received.is_open


def test_numbers_are_sent_as_they_are() -> None:
    received = Received()
    keeper = Keeper(model(()), line=received, pace=QUICK)
    played(keeper, received, lambda: keeper.keep("a", np.array([[1.5], [np.nan]], np.float32)))
    assert received.told() == [("a", 0, 1.5)]


def test_while_the_collector_is_away_answers_wait() -> None:
    received = Received(CollectorError("away"), CollectorError("full", 507))
    keeper = Keeper(model(), line=received, pace=QUICK)
    played(keeper, received, lambda: keeper.keep("a", FIRST))
    assert (received.told(), keeper.kept) == ([("a", 0, "x")], 1)


def test_what_is_under_way_when_the_loop_ends_is_sent_once_more() -> None:
    received = Received(is_stuck=True)
    keeper = Keeper(model(), line=received, pace=QUICK)
    played(keeper, received, lambda: keeper.keep("a", FIRST))
    assert (received.told(), keeper.kept, keeper.dropped) == ([("a", 0, "x")], 1, 0)


def test_a_predictor_that_ends_does_not_wait_for_a_collector_that_is_away() -> None:
    received = Received(CollectorError("away"), is_stuck=True)
    keeper = Keeper(model(), line=received, pace=QUICK)

    def asked() -> None:
        for number in range(2 * PIECE):
            keeper.keep(f"{number}", FIRST)

    played(keeper, received, asked)
    assert (received.rows, keeper.kept, keeper.dropped) == ([], 0, PIECE)


def test_what_the_collector_does_not_understand_is_counted_and_not_sent_for_ever() -> None:
    received = Received(CollectorError("what?", 400))
    keeper = Keeper(model(), line=received, pace=QUICK)

    def asked() -> None:
        for number in range(PIECE + 1):
            keeper.keep(f"{number}", FIRST)

    played(keeper, received, asked)
    assert (received.told(), keeper.dropped) == ([(f"{PIECE}", 0, "x")], PIECE)


def test_rows_beyond_a_message_go_in_the_next_one() -> None:
    received = Received()
    keeper = Keeper(model(), line=received, pace=QUICK)
    rows = np.broadcast_to(FIRST, (PIECE_ROWS, 2))

    def asked() -> None:
        for mark in "abc":
            keeper.keep(mark, rows)

    played(keeper, received, asked)
    assert received.sizes == [PIECE_ROWS] * 3


@pytest.mark.parametrize(
    ("mark", "rows"), [("a" * 257, 1), ("big", 9_000_000)], ids=["long id", "too much"]
)
def test_memory_is_bounded(mark: str, rows: int) -> None:
    received = Received()
    keeper = Keeper(model(), line=received, pace=QUICK)
    keeper.keep(mark, np.broadcast_to(FIRST, (rows, 2)))
    keeper.close()
    assert (received.told(), keeper.dropped) == ([], rows)


def test_ids_that_are_no_words_are_left_out_and_the_others_are_not() -> None:
    received = Received()
    keeper = Keeper(model(), line=received, pace=QUICK)

    def asked() -> None:
        for mark in (b"\x00", "", "schön", "ümlaut".encode(), "a"):
            keeper.keep(mark, FIRST)

    played(keeper, received, asked)
    assert [each.id for each in received.rows] == ["schön", "ümlaut", "a"]
