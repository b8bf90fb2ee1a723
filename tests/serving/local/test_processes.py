from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import uvloop

from serving.local.backoff import Backoff
from serving.local.launching import LOG_BYTES, last_line, launching, size_of
from serving.local.observed import Phase
from serving.local.probing import answers
from serving.local.processes import Places, Processes
from serving.local.revisions import RevisionSpec
from serving.local.sockets import bound, port_of
from tests.serving.local.platform_kit import FAKE, QUICK, Models, eventually


class Told:
    """A gateway that only writes down what it is told."""

    def __init__(self) -> None:
        self.backends: list[tuple[str, int | None]] = []

    def set_backend(self, revision_key: str, address: tuple[str, int] | None) -> None:
        self.backends.append((revision_key, address and address[1]))


def test_the_gateway_is_told_of_an_end_at_once_and_the_next_start_has_the_same_port(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        told = Told()
        places = Places(tmp_path / "logs", tmp_path / "cache")
        slow_to_probe = replace(QUICK, watch_s=60.0)
        processes = Processes(places, told, launching(FAKE), slow_to_probe)
        spec = RevisionSpec("ml", "iris", "iris-predictor-00001", Models(tmp_path).make("m1"))
        others = psutil.Process().children()
        processes.ensure(spec)
        await eventually(lambda: processes.observed(spec.key).phase is Phase.READY)
        (child,) = set(psutil.Process().children()) - {*others}
        child.kill()
        await eventually(lambda: len(told.backends) == 3)
        await processes.close()
        port = told.backends[0][1]
        assert port
        assert [each[1] for each in told.backends] == [port, None, port, None]
        assert not psutil.pid_exists(child.pid)

    uvloop.run(test())


def test_what_cannot_even_be_fetched_has_failed_and_is_tried_again(tmp_path: Path) -> None:
    async def test() -> None:
        places = Places(tmp_path / "logs", tmp_path / "cache")
        processes = Processes(places, Told(), launching(FAKE), QUICK)
        warnings: list[str] = []
        processes.listen(lambda spec: None, lambda spec, reason, why: warnings.append(why))
        made = RevisionSpec("ml", "iris", "iris-predictor-00001", Models(tmp_path).make("m1"))
        spec = replace(made, storage_uri="file://[::1/m1")
        processes.ensure(spec)
        await eventually(lambda: len(warnings) >= 2)
        seen = processes.observed(spec.key)
        await processes.close()
        assert (seen.phase, "Invalid IPv6 URL" in seen.message) == (Phase.FAILED, True)

    uvloop.run(test())


def test_waits_double_up_to_the_ceiling() -> None:
    backoff, waits = Backoff(0.5, 30.0, 60.0), []
    for _ in range(8):
        wait, backoff = backoff.after(0.0)
        waits.append(wait)
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


@pytest.mark.parametrize(("healthy_s", "wait"), [(59.9, 4.0), (60.0, 0.5)])
def test_health_starts_the_waits_anew(healthy_s: float, wait: float) -> None:
    assert Backoff(next_s=4.0).after(healthy_s)[0] == wait


@pytest.mark.parametrize(
    ("answer", "ready"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 503 No\r\n\r\n", False),
        (b"HTTP/1.1 2000 No\r\n\r\n", False),
        (b"SSH-2.0-OpenSSH\r\n", False),
        (b"\xff" * 100_000, False),
        (b"", False),
        (None, False),  # no answer within the time
    ],
)
def test_only_a_200_within_the_time_is_ready(answer: bytes | None, ready: bool) -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        if answer is not None:
            writer.write(answer)
            writer.close()

    async def test() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        assert await answers(server.sockets[0].getsockname(), "iris", 0.2) is ready
        server.close()

    asyncio.run(test())
    assert asked == [b"GET /v2/models/iris/ready HTTP/1.1\r\n"]


def test_nobody_listening_is_not_ready() -> None:
    with bound() as sock:
        assert asyncio.run(answers(sock.getsockname(), "iris", 1.0)) is False


def test_a_port_that_is_taken_is_replaced_by_a_free_one() -> None:
    with bound() as first:
        first.listen()
        with bound(port_of(first)) as second:
            assert port_of(second) != port_of(first)


def test_a_port_that_is_free_again_is_kept() -> None:
    with bound() as first:
        port = port_of(first)
    with bound(port) as second:
        assert port_of(second) == port


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("", "one\ntwo\n\n", "two"),
        ("old\n", "", ""),
        ("old\n", "  new  ", "new"),
        ("", "x" * 20_000 + "\nend", "end"),
        ("", "caf\udce9\n", "caf\ufffd"),
    ],
)
def test_the_last_line_is_one_of_this_start(
    before: str, after: str, line: str, tmp_path: Path
) -> None:
    log = tmp_path / "a.log"
    log.write_text(before)
    start = size_of(log)
    with log.open("ab") as file:
        file.write(after.encode(errors="surrogateescape"))
    assert last_line(log, start) == line


def test_a_log_that_grew_too_long_is_moved_aside(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    assert size_of(log) == 0
    with log.open("wb") as file:
        file.truncate(LOG_BYTES + 1)
    assert size_of(log) == 0
    assert (tmp_path / "a.log.1").exists()
    assert last_line(log, 0) == ""
