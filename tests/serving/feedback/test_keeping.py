"""A predictor's end: what is answered reaches the collector, and a collector that is away waits."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.feedback.calling import CollectorError, call
from serving.feedback.keeping import Keeper, Model, Pace
from serving.feedback.truths import Predicted
from serving.feedback.wire import predictions_of
from tests.serving.feedback.collecting import collector

CLASSES = ("x", "y")
QUICK = Pace(0.001, 0.001)
FIRST = np.array([[0.9, 0.1]], np.float32)
SECOND = np.array([[0.2, 0.8], [0.6, 0.4]], np.float32)


class Received:
    """Stands for the collector; refuses with `refusals` first."""

    def __init__(self, *refusals: CollectorError) -> None:
        self.refusals, self.rows, self.urls = [*refusals], list[Predicted](), list[str]()
        self.came = threading.Event()

    def __call__(self, url: str, body: bytes) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.urls.append(url)
        self.rows += predictions_of(body)
        self.came.set()

    def told(self) -> list[tuple[Any, ...]]:
        return [(each.id, each.row, each.output) for each in self.rows]


def model(labels: tuple[str, ...] = CLASSES) -> Model:
    return Model.of("http://there/ml/", "iris", "3", labels)


def test_what_is_kept_is_sent_by_row_with_the_class_that_was_answered() -> None:
    received = Received()
    keeper = Keeper(model(), send=received, pace=QUICK)
    keeper.keep(b"a", FIRST)
    keeper.keep("b", SECOND)
    assert received.came.wait(10)
    keeper.close()
    assert received.told() == [("a", 0, "x"), ("b", 0, "y"), ("b", 1, "x")]
    assert {*received.urls} == {"http://there/ml/iris/predictions"}
    assert (keeper.kept, keeper.dropped) == (3, 0)


def test_numbers_are_sent_as_they_are() -> None:
    received = Received()
    keeper = Keeper(model(()), send=received, pace=QUICK)
    keeper.keep("a", np.array([[1.5], [np.nan]], np.float32))
    keeper.close()
    assert received.told() == [("a", 0, 1.5)]


def test_while_the_collector_is_away_answers_wait() -> None:
    received = Received(CollectorError("away"), CollectorError("full", 507))
    keeper = Keeper(model(), send=received, pace=QUICK)
    keeper.keep("a", FIRST)
    assert received.came.wait(10)
    keeper.close()
    assert received.told() == [("a", 0, "x")]


def test_what_the_collector_does_not_understand_is_counted_and_not_sent_for_ever() -> None:
    received = Received(CollectorError("what?", 400))
    keeper = Keeper(model(), send=received, pace=QUICK)
    keeper.keep("a", FIRST)
    keeper.close()
    assert (received.told(), keeper.dropped) == ([], 1)


@pytest.mark.parametrize(
    ("mark", "rows"), [("a" * 257, 1), ("big", 9_000_000)], ids=["long id", "too much"]
)
def test_memory_is_bounded(mark: str, rows: int) -> None:
    received = Received()
    keeper = Keeper(model(), send=received, pace=QUICK)
    keeper.keep(mark, np.broadcast_to(FIRST, (rows, 2)))
    keeper.close()
    assert (received.told(), keeper.dropped) == ([], rows)


def test_ids_that_are_no_words_are_left_out_and_the_others_are_not() -> None:
    received = Received()
    keeper = Keeper(model(), send=received, pace=QUICK)
    for mark in (b"\x00", "", "schön", "ümlaut".encode(), "a"):
        keeper.keep(mark, FIRST)
    keeper.close()
    assert [each.id for each in received.rows] == ["schön", "ümlaut", "a"]


def test_a_keeper_and_a_collector_understand_each_other(tmp_path: Path) -> None:
    with collector(tmp_path) as url:
        keeper = Keeper(Model.of(url, "iris", "3", CLASSES))
        keeper.keep("a", FIRST)
        keeper.close()
        assert call(f"{url}/iris")["versions"]["3"]["predictions"] == 1
