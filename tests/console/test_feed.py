"""One reading for all who watch."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from console.data.feed import Feed


def test_many_watchers_see_the_same_and_cost_one_reading() -> None:
    counter = itertools.count(1)
    feed = Feed(lambda: min(next(counter), 4), every_s=0.01, over=lambda value: value == 4)

    async def watch() -> list[int]:
        return [value async for value in feed.watch()]

    async def all_of_them() -> list[list[int]]:
        return await asyncio.gather(*(watch() for _ in range(50)))

    seen = asyncio.run(all_of_them())
    assert all(each[-1] == 4 and each == sorted(each) for each in seen)
    assert next(counter) == 5


def test_nothing_is_read_when_nobody_watches() -> None:
    readings: list[int] = []

    def read() -> int:
        readings.append(len(readings))
        return len(readings)

    async def story() -> int:
        feed = Feed(read, every_s=0.005)
        async for value in feed.watch():
            if value >= 3:
                break
        await asyncio.sleep(0)
        while feed.watchers:  # the generator is closed by the loop
            await asyncio.sleep(0.001)
        known = len(readings)
        await asyncio.sleep(0.05)
        assert len(readings) - known <= 1  # one was under way
        return await anext(feed.watch())

    assert asyncio.run(story()) > 3


def test_what_cannot_be_read_is_told_to_everybody() -> None:
    def read() -> int:
        raise OSError("the disk is gone")

    async def watch(feed: Feed[int]) -> None:
        async for _ in feed.watch():
            pass

    async def story() -> list[BaseException | None]:
        feed = Feed(read)
        return await asyncio.gather(watch(feed), watch(feed), return_exceptions=True)

    assert [str(error) for error in asyncio.run(story())] == ["the disk is gone"] * 2


def test_an_equal_reading_is_no_news() -> None:
    values = iter([1, 1, 1, 2])
    feed = Feed(lambda: next(values), every_s=0.001, over=lambda value: value == 2)

    async def watch() -> list[int]:
        return [value async for value in feed.watch()]

    assert asyncio.run(watch()) == [1, 2]


@pytest.mark.parametrize("late", [0.0, 0.02])
def test_a_watcher_who_comes_late_gets_the_newest_at_once(late: float) -> None:
    counter = itertools.count(1)
    feed = Feed(lambda: next(counter), every_s=0.005, over=lambda value: value >= 20)

    async def story() -> int:
        first = asyncio.create_task(_all(feed))
        await asyncio.sleep(late)
        async for value in feed.watch():
            await first
            return value
        raise AssertionError

    assert asyncio.run(story()) >= 1


async def _all(feed: Feed[int]) -> None:
    async for _ in feed.watch():
        pass


def test_who_is_slow_sees_the_end_although_another_has_begun_to_watch_anew() -> None:
    counter = itertools.count(1)
    feed = Feed(lambda: min(next(counter), 3), every_s=0.001, over=lambda value: value == 3)

    async def slow() -> list[int]:
        seen = []
        async for value in feed.watch():
            seen.append(value)
            await asyncio.sleep(0.05)
        return seen

    async def story() -> tuple[int, list[int]]:
        watching = asyncio.create_task(slow())
        await asyncio.sleep(0.03)
        return await anext(feed.watch()), await asyncio.wait_for(watching, 5)

    late, seen = asyncio.run(story())
    assert late == seen[-1] == 3
