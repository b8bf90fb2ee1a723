"""What clients see, and what is counted, when a revision fails: nothing, as far as possible."""

from __future__ import annotations

import asyncio
import http.client
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.local.gateway import Target
from tests.serving.local.gateway_kit import (
    PREDICT,
    Behaviour,
    Seen,
    World,
    hang,
    ok,
    read,
    reset,
    running,
    then_close,
    wait_for,
)

PATH = f"/serving/default/iris{PREDICT}"


@pytest.fixture(params=["asyncio", "uvloop"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with running(request.param, drain_s=0.1, buffer_limit=1000) as made:
        yield made


def pair(world: World, *, canary: Behaviour | bytes, stable: Behaviour | bytes = b"") -> None:
    world.backend("canary", canary)
    world.backend("stable", stable)
    world.route(Target("canary", 50, "latest"), Target("stable", 50), stable="stable")


def refused(world: World, revision: str) -> None:
    """Give the revision an address at which nobody listens."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        world.address(revision, nobody.getsockname())


@pytest.mark.parametrize("failure", ["refused", "reset", "closed"])
def test_no_answer_at_all_is_asked_of_the_stable_one(world: World, failure: str) -> None:
    pair(world, canary=reset if failure == "reset" else then_close(b""))
    if failure == "refused":
        refused(world, "canary")
    assert [world.ask().revision for _ in range(10)] == ["stable"] * 10
    assert world.attempts() == {("canary", "502"): 5, ("stable", "200"): 10}
    assert world.responses() == {("200",): 10}
    assert world.counted("kanarya_retries_total", "revision") == {("canary",): 5}


def test_a_failing_stable_one_is_covered_by_the_other(world: World) -> None:
    pair(world, canary=b"", stable=reset)
    assert {world.ask().revision for _ in range(4)} == {"canary"}
    assert world.attempts() == {("canary", "200"): 4, ("stable", "502"): 2}


def test_a_revision_without_a_share_covers_nobody(world: World) -> None:
    pair(world, canary=b"", stable=reset)
    world.route(Target("canary", 0), Target("stable", 100), stable="stable")
    answer = world.ask()
    assert answer.status == 502
    assert answer.error.startswith("iris: revision stable gave no answer: the connection was ")
    assert world.attempts() == {("stable", "502"): 1}


def test_when_both_fail_it_is_502_with_a_sentence(world: World) -> None:
    pair(world, canary=reset, stable=reset)
    answer = world.ask()
    assert (answer.status, "gave no answer" in answer.error) == (502, True)
    assert world.attempts() == {("canary", "502"): 1, ("stable", "502"): 1}
    assert world.responses() == {("502",): 1}


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_5xx_answer_is_an_answer(world: World, code: int) -> None:
    pair(world, canary=b"HTTP/1.1 %d No\r\nContent-Length: 3\r\n\r\nwhy" % code)
    answers = [world.ask() for _ in range(2)]
    assert {(a.status, a.revision) for a in answers} == {(code, "canary"), (200, "stable")}
    assert world.attempts() == {("canary", str(code)): 1, ("stable", "200"): 1}
    assert world.counted("kanarya_retries_total", "revision") == {}


BEGUN = [
    b"HTTP/1.1 20",
    b"HTTP/1.1 200 OK\r\nContent-Le",
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    b"\x00\x01 no HTTP\r\n\r\n",
]


@pytest.mark.parametrize("begun", BEGUN)
def test_a_prediction_whose_answer_breaks_off_is_asked_of_the_stable_one(
    world: World, begun: bytes
) -> None:
    """It changes nothing to ask twice, and the client has seen nothing of the first answer."""
    pair(world, canary=then_close(begun))
    assert Counter(world.ask().status for _ in range(2)) == {200: 2}
    assert world.attempts() == {("canary", "502"): 1, ("stable", "200"): 2}
    assert world.counted("kanarya_retries_total", "revision") == {("canary",): 1}


@pytest.mark.parametrize("begun", [BEGUN[0], BEGUN[1], BEGUN[3]])
def test_what_is_no_prediction_is_not_sent_again_after_the_first_byte(
    world: World, begun: bytes
) -> None:
    pair(world, canary=then_close(begun))
    load = "/v2/repository/models/iris/load"
    assert Counter(world.ask(path=load).status for _ in range(2)) == {502: 1, 200: 1}


def test_a_short_answer_that_breaks_off_with_nobody_else_to_ask_is_a_502(world: World) -> None:
    world.one(then_close(BEGUN[2]))
    assert world.ask().status == 502
    assert world.attempts() == {("r1", "502"): 1}


@pytest.mark.parametrize("head", [b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"])
def test_an_answer_that_breaks_off_breaks_off_for_the_client_too(world: World, head: bytes) -> None:
    world.one(then_close(b"HTTP/1.1 200 OK\r\n" + head))
    with pytest.raises(http.client.IncompleteRead):
        world.ask()
    assert world.attempts() == {("r1", "502"): 1}
    assert world.responses() == {("502",): 1}


def test_a_connection_that_was_idle_too_long_is_nobodys_failure(world: World) -> None:
    """The backend drops each connection on its second request, as after a keep-alive timeout."""
    used: Counter[int] = Counter()

    async def once(seen: Seen, writer: asyncio.StreamWriter) -> None:
        used[seen.connection] += 1
        if used[seen.connection] == 1:
            writer.write(ok())
        else:
            writer.transport.abort()

    backend = world.one(once)
    assert [world.ask().status for _ in range(6)] == [200] * 6
    assert len(backend.seen) == 11
    assert world.attempts() == {("r1", "200"): 6}
    assert world.counted("kanarya_retries_total", "revision") == {}


def test_a_connection_that_the_backend_closed_is_not_used_again(world: World) -> None:
    backend = world.one(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    for _ in range(3):
        world.ask()
    assert backend.connections == 3
    wait_for(lambda: not backend.open_connections, "all of them are closed")


def test_bytes_after_an_answer_end_the_connection_and_go_to_nobody(world: World) -> None:
    backend = world.one(ok(b"mine") + ok(b"not yours"))
    assert [world.ask().body for _ in range(3)] == [b"mine"] * 3
    assert backend.connections == 3


def test_bytes_that_nobody_asked_for_end_the_connection(world: World) -> None:
    writers: list[asyncio.StreamWriter] = []

    async def remember(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(ok())

    backend = world.one(remember)
    world.ask()
    world.call(writers[0].write, ok(b"not yours"))
    wait_for(lambda: not backend.open_connections, "the idle connection is closed")
    assert world.ask().body == b"{}"


@pytest.mark.parametrize("size", [1000, 1001])
def test_only_a_body_that_fits_the_buffer_is_sent_again(world: World, size: int) -> None:
    pair(world, canary=reset)
    statuses = {world.ask(body=b"x" * size).status for _ in range(2)}
    assert statuses == ({200} if size == 1000 else {200, 502})


def test_a_tag_asks_that_revision_and_no_other_and_counts_nowhere(world: World) -> None:
    pair(world, canary=reset)
    answer = world.ask_at("POST", f"/serving/default/latest-iris-predictor{PREDICT}")
    assert answer.status == 502
    assert world.attempts() == {}
    assert world.responses() == {}


def test_a_client_that_leaves_is_no_error_of_the_revision() -> None:
    with running("uvloop") as world:
        backend = world.one(hang)
        client = world.client()
        client.request("POST", PATH, b"{}")
        wait_for(lambda: backend.seen, "the request is with the backend")
        client.close()
        wait_for(lambda: not backend.open_connections, "the backend's request is cancelled")
        wait_for(world.attempts, "the attempt is counted")
        assert world.attempts() == {("r1", "499"): 1}
        assert world.responses() == {("499",): 1}


def test_a_client_that_leaves_during_the_answer_is_no_error_either(world: World) -> None:
    async def endless(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"4\r\nmore\r\n" * 1000)
            await writer.drain()

    backend = world.one(endless)
    client = world.client()
    client.request("POST", PATH, b"{}")
    assert client.getresponse().read(4) == b"more"
    client.close()
    client.sock = None
    wait_for(lambda: not backend.open_connections, "the backend's answer is cut off")
    assert wait_for(world.attempts, "it is counted") == {("r1", "499"): 1}


PREDICTOR = """
import socketserver, http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.wfile.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
    def log_message(self, *_): pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    request_queue_size = 128
server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@pytest.mark.parametrize("world", ["uvloop"], indirect=True)
def test_a_killed_process_under_load_fails_no_client(world: World) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PREDICTOR], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        world.backend("stable")
        world.address("canary", ("127.0.0.1", int(process.stdout.readline())))
        world.route(Target("canary", 50), Target("stable", 50), stable="stable")
        got: list[tuple[int, str | None]] = []

        def send() -> None:
            client = world.client()
            for _ in range(100):
                client.request("POST", PATH, b"{}")
                answer = read(client)
                got.append((answer.status, answer.revision))
            client.close()

        with ThreadPoolExecutor(8) as threads:
            clients = [threads.submit(send) for _ in range(8)]
            wait_for(lambda: len(got) > 200, "the load is on")
            process.send_signal(signal.SIGKILL)
            for client in clients:
                client.result()
    assert Counter(status for status, _ in got) == {200: 800}
    attempts = world.attempts()
    assert sum(n for (revision, _), n in attempts.items() if revision == "canary") == 400
    lost = attempts["canary", "502"]
    assert lost > 100
    assert world.counted("kanarya_retries_total", "revision") == {("canary",): lost}
