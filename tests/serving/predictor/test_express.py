"""The express lane and uvicorn's own way: the same bytes in give the same bytes out."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.predictor import express
from tests.serving.predictor import express_kit
from tests.serving.predictor.express_kit import (
    LAST,
    REQUESTS,
    answers,
    both,
    run,
    said,
    serving,
)


@pytest.mark.parametrize("name", REQUESTS)
def test_whatever_is_asked_both_ways_say_the_same(iris_model_dir: Path, name: str) -> None:
    quick, slow = run(partial(both, iris_model_dir, REQUESTS[name] + LAST))
    assert quick == slow
    assert quick[0][0] in (100, 200, 299, 400, 404, 413, 415)


def test_the_usual_request_needs_no_task(iris_model_dir: Path) -> None:
    async def story() -> tuple[int, int]:
        async with serving(iris_model_dir) as served:
            loop = asyncio.get_running_loop()
            made: list[Any] = []
            loop.set_task_factory(lambda loop, coro, **k: made.append(coro) or asyncio.Task(coro))
            usual = [REQUESTS[name] for name in ("V1", "V2", "V2 in bytes", "V1 that closes")]
            await said(served.port, b"".join(usual))
            before = sum("run_asgi" in coro.__qualname__ for coro in made)
            await said(served.port, REQUESTS["V1 in a chunk"] + LAST)
            return before, sum("run_asgi" in coro.__qualname__ for coro in made)

    assert run(story) == (0, 2)


OFFER = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")


@pytest.mark.parametrize("cut", [None, 30, 190])
def test_an_offer_of_http2_is_only_an_offer(iris_model_dir: Path, cut: int | None) -> None:
    """Java's client makes one with its first request; uvicorn would forget the body."""
    whole = express_kit.request(express_kit.V1, express_kit.flowers(), *OFFER)
    asked = express_kit.request("/v2", b"abc", *OFFER, method="PUT")

    async def story() -> list[Any]:
        async with serving(iris_model_dir) as served:
            bytes_ = whole + REQUESTS["V1"] + asked + LAST
            parts = [bytes_] if cut is None else [bytes_[:cut], bytes_[cut:]]
            return answers(await said(served.port, *parts))

    first, second, third, _ = run(story)
    assert first == second
    assert (first[0], third[0], third[2]) == (200, 299, b"PUT /v2 3")


def test_pipelined_requests_are_answered_in_their_order(iris_model_dir: Path) -> None:
    names = [
        "V1", "V1 of so many rows that a thread answers", "V2", "another address", "V1 in a chunk",
        "V1 beyond what the lane takes", "V2 in bytes", "V1 with a wrong cell", "V1",
    ]  # fmt: skip
    quick, slow = run(partial(both, iris_model_dir, b"".join(REQUESTS[n] for n in names) + LAST))
    assert quick == slow
    assert [status for status, _, _ in quick] == [200, 200, 200, 299, 200, 200, 200, 400, 200, 299]


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 10_000), max_size=8))
def test_it_does_not_matter_where_the_bytes_are_cut(iris_model_dir: Path, cuts: list[int]) -> None:
    names = [
        "V1",
        "V2 in bytes",
        "V1 in a chunk",
        "V2",
        "another address",
        "V1 of two hundred rows",
    ]
    whole = b"".join(REQUESTS[name] for name in names) + LAST
    places = [0, *sorted(cut % len(whole) for cut in cuts), len(whole)]
    parts = [whole[a:b] for a, b in pairwise(places) if a < b]

    async def story() -> tuple[list[Any], list[Any]]:
        async with serving(iris_model_dir) as served:
            at_once = answers(await said(served.port, whole))
            return at_once, answers(await said(served.port, *parts))

    at_once, in_parts = run(story)
    assert at_once == in_parts
    assert len(at_once) == len(names) + 1


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"POST ", REQUESTS["V1"][:60]]))
def test_garbage_is_refused_and_the_server_lives(
    iris_model_dir: Path, garbage: bytes, start: bytes
) -> None:
    async def story() -> bytes:
        async with serving(iris_model_dir, request_s=0.02, idle_s=0.02) as served:
            with suppress(ConnectionResetError):
                await said(served.port, start + garbage)
            # A busy machine takes longer than the server waits, now and then.
            for _ in range(50):
                with suppress(ConnectionResetError):
                    answer = await said(served.port, REQUESTS["V1 that closes"])
                    if answer.startswith(b"HTTP/1.1 200 OK"):
                        return answer
            return b"no answer"

    assert run(story).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (REQUESTS["V1"][:10], 408),
        (REQUESTS["V1"][:-3], 408),
        (REQUESTS["V1 beyond what the lane takes"][:-3], 408),
        (REQUESTS["V1 in a chunk"][:-3], 408),
        (REQUESTS["V1"] + REQUESTS["V1"][:-3], 408),
        (b"", None),
        (REQUESTS["V1"], 200),
    ],
)
def test_a_request_that_does_not_come_on_ends_the_connection(
    iris_model_dir: Path, sent: bytes, status: int | None
) -> None:
    async def story() -> bytes:
        async with serving(iris_model_dir, request_s=0.15, idle_s=0.15) as served:
            return await said(served.port, sent)

    found = answers(run(story))
    assert [status for status, _, _ in found][-1:] == [status] * (status is not None)
    if status == 408:
        assert found[-1][1]["connection"] == "close"
        assert json.loads(found[-1][2])["error"] == (
            "The request was not whole within 0.15 s; send it again."
        )


def test_a_slow_answer_is_not_idleness(iris_model_dir: Path) -> None:
    async def story() -> bytes:
        async with serving(iris_model_dir, request_s=0.05, idle_s=0.05) as served:

            async def slowly(cells: Any) -> Any:
                await asyncio.sleep(0.4)
                return served.plane.served.answer(cells)

            served.plane.answer = slowly  # type: ignore[method-assign]
            return await said(served.port, REQUESTS["V1 of so many rows that a thread answers"])

    assert answers(run(story))[0][0] == 200


def test_a_server_that_leaves_answers_what_is_on_its_way(iris_model_dir: Path) -> None:
    whole = REQUESTS["V1"]

    async def story() -> list[bytes]:
        async with serving(iris_model_dir) as served:
            streams = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(3)]
            _, half, late = streams
            half[1].write(whole[:-9])
            await asyncio.sleep(0.05)
            leaving = asyncio.create_task(served.server.shutdown([served.listener]))
            await asyncio.sleep(0.2)
            half[1].write(whole[-9:])
            late[1].write(whole)
            said = [await asyncio.wait_for(reader.read(), 5) for reader, _ in streams]
            await leaving
            return said

    idle, half, late = run(story)
    assert idle == b""
    for answer in (half, late):
        status, headers, _ = answers(answer)[0]
        assert (status, headers["connection"]) == (200, "close")


def test_a_client_that_does_not_read_is_not_read_from(iris_model_dir: Path) -> None:
    async def story() -> bool:
        async with serving(iris_model_dir) as served:
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            try:
                for _ in range(2000):
                    writer.write(REQUESTS["V1 of two hundred rows"] * 8)
                    await asyncio.wait_for(writer.drain(), 1)
            except TimeoutError:
                return True
            finally:
                writer.transport.abort()
            return False

    assert run(story)


def test_a_mistake_of_ours_is_logged_by_uvicorn_and_answered_with_500(
    iris_model_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> bytes:
        async with serving(iris_model_dir) as served:

            def broken(cells: Any) -> Any:
                raise ZeroDivisionError("nobody expected this")

            served.plane.now = broken  # type: ignore[method-assign]
            return await said(served.port, REQUESTS["V1"])

    assert run(story).startswith(b"HTTP/1.1 500 ")
    assert re.search("nobody expected this", caplog.text)


def test_requests_are_counted_once_whichever_way_they_went(iris_model_dir: Path) -> None:
    async def story() -> dict[str, dict[int, int]]:
        async with serving(iris_model_dir) as served:
            whole = [
                *(REQUESTS[n] for n in ("V1", "V1 in a chunk", "V1 with a wrong cell", "V2")),
                REQUESTS["V1 of so many rows that a thread answers"],
            ]
            await said(served.port, b"".join(whole) + LAST)
            tally = served.plane.tally
            assert tally.running == 0
            return {name: protocol.codes for name, protocol in tally.protocols.items()}

    assert run(story) == {"v1": {200: 3, 400: 1}, "v2": {200: 1}}


def test_the_lane_takes_bodies_up_to_its_limit(iris_model_dir: Path) -> None:
    assert express.LONGEST in express._LENGTHS
    assert express.LONGEST + 1 not in express._LENGTHS
    assert -1 not in express._LENGTHS


def test_the_limit_of_concurrency_holds_whichever_way_a_request_goes(iris_model_dir: Path) -> None:
    async def story() -> list[int]:
        async with serving(iris_model_dir, concurrency=1) as served:
            free = asyncio.Event()

            async def slowly(cells: Any) -> Any:
                await free.wait()
                return served.plane.served.answer(cells)

            served.plane.answer = slowly  # type: ignore[method-assign]
            slow = REQUESTS["V1 of so many rows that a thread answers"]
            first = asyncio.create_task(said(served.port, slow + LAST))
            while not served.plane.tally.running:
                await asyncio.sleep(0.001)
            refused = [
                answers(await said(served.port, REQUESTS[name] + LAST))[0][0]
                for name in ("V1", "V1 in a chunk")
            ]
            free.set()
            return [*refused, answers(await first)[0][0]]

    assert run(story) == [503, 503, 200]
