"""Requests that share a call of the model get what each would have got alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from serving.card import Batching
from serving.errors import ModelError
from serving.predictor.batching import Batcher
from serving.predictor.desk import Limits
from serving.predictor.metrics import TallyCollector
from serving.predictor.requests import Checked, count_rows
from serving.predictor.served import Answer
from serving.signature import Column
from tests.serving.predictor.asking import App, Given

COLUMNS = (Column("a", "number"), Column("b", "number"))
V1 = "/v1/models/m:predict"


class Model:
    """Answers a row with its cells; remembers the rows of every call, and fails when told so."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.error: Exception | None = None

    def __call__(self, cells: Checked) -> Answer:
        assert isinstance(cells, np.ndarray)
        self.calls.append(len(cells))
        if self.error:
            raise self.error
        return Answer(("x", "y"), cells, cells * 2)


def batcher(model: Model, rows: int = 8, wait_us: int = 0) -> Batcher:
    return Batcher(model, COLUMNS, Batching(rows, wait_us), lambda answer, waited: None)


def cells(rows: int, mark: int) -> np.ndarray:
    return np.arange(rows * 2, dtype=np.float32).reshape(rows, 2) + 1000 * mark


STEPS = st.lists(st.sampled_from(["tick", "cancel"]) | st.integers(1, 7), max_size=40)


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(steps=STEPS, rows=st.integers(2, 9))
def test_any_interleaving_gives_each_request_its_own_rows_in_batches_that_fit(
    steps: list[Any], rows: int
) -> None:
    async def play() -> None:
        model = Model()
        queue, asked = batcher(model, rows), []
        for mark, step in enumerate(steps):
            if step == "tick":
                await asyncio.sleep(0)
            elif step == "cancel" and asked:
                asked[mark % len(asked)][1].cancel()
            elif isinstance(step, int) and step < rows:
                sent = cells(step, mark)
                asked.append((sent, queue.submit(sent)))
        await asyncio.wait_for(asyncio.gather(*(f for _, f in asked), return_exceptions=True), 5)
        answered = [(sent, f.result()) for sent, f in asked if not f.cancelled()]
        for sent, answer in answered:
            np.testing.assert_array_equal(answer.numbers, sent)
            np.testing.assert_array_equal(answer.probabilities, sent * 2)
        assert max(model.calls, default=0) <= rows
        assert sum(model.calls) >= sum(len(sent) for sent, _ in answered)

    asyncio.run(play())


async def together(queue: Batcher, *rows: int) -> list[Any]:
    futures = [queue.submit(cells(n, mark)) for mark, n in enumerate(rows)]
    return await asyncio.gather(*futures, return_exceptions=True)


@pytest.mark.parametrize(
    ("rows", "calls"),
    [
        ((1, 1, 1), [3]),
        ((4, 4, 4), [8, 4]),
        ((5, 5, 1), [5, 6]),
        ((7, 1, 7), [8, 7]),
        ((1,), [1]),
    ],
)
def test_what_comes_together_is_one_call_up_to_the_most_rows(
    rows: tuple[int, ...], calls: list[int]
) -> None:
    model = Model()
    asyncio.run(together(batcher(model), *rows))
    assert model.calls == calls


def test_an_error_reaches_every_request_of_its_batch_and_no_other() -> None:
    async def play() -> list[Any]:
        model = Model()
        queue = batcher(model)
        model.error = ModelError("no")
        failed = await together(queue, 1, 2, 3)
        model.error = None
        return [*failed, *await together(queue, 1)]

    *failed, answered = asyncio.run(play())
    assert [str(error) for error in failed] == ["no"] * 3
    assert isinstance(answered, Answer)


def test_who_went_away_is_left_out_of_the_batch() -> None:
    async def play(leave: Callable[[list[Any]], list[Any]]) -> list[int]:
        model = Model()
        queue = batcher(model)
        tasks = [asyncio.create_task(ask(queue, mark)) for mark in range(3)]
        await asyncio.sleep(0)
        for task in leave(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return model.calls

    async def ask(queue: Batcher, mark: int) -> Answer:
        return await queue.submit(cells(1, mark))

    assert asyncio.run(play(lambda tasks: tasks[:1])) == [2]
    assert asyncio.run(play(lambda tasks: tasks)) == []


def test_a_batch_waits_for_others_no_longer_than_until_it_is_full() -> None:
    async def play() -> list[int]:
        model = Model()
        queue = batcher(model, rows=4, wait_us=1_000_000)
        first = queue.submit(cells(1, 0))
        for _ in range(5):
            await asyncio.sleep(0)
        assert model.calls == []
        await asyncio.gather(first, queue.submit(cells(3, 1)))
        assert model.calls == [4]
        short = batcher(model, rows=4, wait_us=100)
        await asyncio.wait_for(short.submit(cells(1, 2)), 5)
        return model.calls

    assert asyncio.run(play()) == [4, 1]


BODIES: dict[str, Callable[[int], Any]] = {
    "iris_model_dir": lambda i: [[4 + i % 40 / 10, 2 + i % 20 / 10, 1.0 + i % 5, i % 24 / 10]],
    "wide_model_dir": lambda i: [[4 + i % 40 / 10, 2 + i % 20 / 10, 1.0 + i % 5, i % 24 / 10]],
    "mixed_model_dir": lambda i: [
        {
            "age": None if i % 3 == 0 else i % 80 + 0.5,
            "visits": i % 10,
            "member": bool(i % 2),
            "town": ["Ankara", "Izmir", "Şırnak", None][i % 4],
        }
    ],
}


@pytest.mark.parametrize("fixture", BODIES)
def test_a_real_model_answers_a_row_among_others_as_it_does_alone(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    directory = request.getfixturevalue(fixture)
    alone, gathering = App(directory), App(directory, batching=Batching(16, 0))
    bodies = [{"instances": BODIES[fixture](i) * (1 + i % 3)} for i in range(60)]
    bodies.append({"instances": BODIES[fixture](1) * 20})
    bodies.insert(3, {"instances": [["x"]]})

    async def ask(app: App) -> list[Given]:
        return await asyncio.gather(*(app.answer(V1, body, {}) for body in bodies))

    for one, other in zip(asyncio.run(ask(alone)), asyncio.run(ask(gathering)), strict=True):
        assert one.status == other.status
        if one.status == 400:
            assert one.json == other.json
            continue
        assert one.json["predictions"] == other.json["predictions"]
        np.testing.assert_allclose(
            one.json["probabilities"], other.json["probabilities"], rtol=0, atol=1e-6
        )
    gathering.plane.tally.sum_up()
    alone.plane.tally.sum_up()
    assert (gathering.plane.tally.by_class == alone.plane.tally.by_class).all()
    assert len(gathering.seconds) == len(alone.seconds) == len(bodies) - 1


def test_numbers_and_truths_in_one_batch_are_the_same_matrix(iris_model_dir: Path) -> None:
    """A quick matrix and cells that needed a closer look are joined for a numeric model."""
    app = App(iris_model_dir, batching=Batching(16, 0))
    served = app.plane.served
    names = [column.name for column in served.card.signature.inputs]
    rows = np.random.default_rng(0).uniform(0, 8, (6, 4))
    parts: list[Checked] = [rows[:2].astype(np.float32), dict(zip(names, rows[2:].T, strict=True))]

    async def play() -> list[Answer]:
        return await asyncio.gather(*map(app.plane.answer, parts))

    for part, answer in zip(parts, asyncio.run(play()), strict=True):
        assert len(answer.probabilities) == count_rows(part)
        expected = served.answer(part)
        np.testing.assert_allclose(answer.probabilities, expected.probabilities, atol=1e-6)
        np.testing.assert_array_equal(answer.numbers, expected.numbers)


def test_more_than_the_limit_under_way_get_503_and_the_others_an_answer(
    iris_model_dir: Path,
) -> None:
    app = App(iris_model_dir, Limits(concurrency=4), batching=Batching(16, 1000))
    body = {"instances": [[5.1, 3.5, 1.4, 0.2]]}

    async def ask() -> list[Given]:
        return await asyncio.gather(*(app.answer(V1, body, {}) for _ in range(10)))

    answers = asyncio.run(ask())
    assert sorted(answer.status for answer in answers) == [200] * 4 + [503] * 6
    assert {answer.headers.get("retry-after") for answer in answers if answer.status == 503} == {
        "1"
    }


@pytest.mark.parametrize("batching", [None, Batching(4, 0)])
def test_batches_are_counted_where_there_are_any(
    iris_model_dir: Path, batching: Batching | None
) -> None:
    app, registry = App(iris_model_dir, batching=batching), CollectorRegistry()
    registry.register(
        TallyCollector(app.plane.tally, "m", "1", app.plane.served.card.signature.labels)
    )
    body = {"instances": [[5.1, 3.5, 1.4, 0.2]]}

    async def ask() -> list[Given]:
        return await asyncio.gather(*(app.answer(V1, body, {}) for _ in range(7)))

    assert {answer.status for answer in asyncio.run(ask())} == {200}
    text = generate_latest(registry).decode()
    assert 'kanarya_prediction_confidence_count{model="m",version="1"} 7.0' in text
    assert ("kanarya_batch" in text) is (batching is not None)
    if batching:
        own = 'model="m",version="1"'
        assert f"kanarya_batch_rows_count{{{own}}} 2.0" in text
        assert f"kanarya_batch_rows_sum{{{own}}} 7.0" in text
        assert f'kanarya_batch_rows_bucket{{le="2",{own}}} 0.0' in text
        assert f"kanarya_batch_wait_seconds_count{{{own}}} 7.0" in text
