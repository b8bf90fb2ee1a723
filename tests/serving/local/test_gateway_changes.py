"""Routes, backends and the gateway itself come and go; running requests do not notice."""

from __future__ import annotations

import asyncio
import http.client
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.errors import PlatformError
from serving.local.gateway import Gateway, Route, Target
from tests.serving.local.gateway_kit import (
    Behaviour,
    Seen,
    World,
    hang,
    ok,
    request,
    running,
    until_closed,
    wait_for,
)


@pytest.fixture(params=["asyncio", "uvloop"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with running(request.param, drain_s=0.1) as made:
        yield made


@pytest.fixture
def patient() -> Iterator[World]:
    with running("uvloop") as made:
        yield made


def gate(open_: threading.Event) -> Behaviour:
    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.to_thread(open_.wait)
        writer.write(ok(b"late"))

    return behave


def test_a_running_request_finishes_where_it_began(world: World) -> None:
    release = threading.Event()
    old = world.one(gate(release))
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(world.ask)
        wait_for(lambda: old.seen, "the request is with r1")
        world.backend("r2")
        world.route(Target("r2", 100), stable="r2")
        world.address("r1", None)
        assert world.ask().revision == "r2"
        release.set()
        assert (asked.result().revision, asked.result().body) == ("r1", b"late")
    wait_for(lambda: not old.open_connections, "r1's connection is closed")


def pod(name: str) -> tuple[Target, ...]:
    return (Target("iris-predictor", 100, "iris-predictor", name),)


@pytest.mark.parametrize("path", ["iris", "iris-predictor"])
def test_a_request_to_a_pod_that_was_replaced_meanwhile_goes_to_the_new_one(
    world: World, path: str
) -> None:
    async def replaced(seen: Seen, writer: asyncio.StreamWriter) -> None:
        world.gateway.set_route(Route("default", "iris", pod("new"), "iris-predictor", True))
        world.gateway.set_backend("default/old", None)
        writer.close()

    world.backend("old", replaced)
    new = world.backend("new")
    route = Route("default", "iris", pod("old"), "iris-predictor", True)
    world.call(world.gateway.set_route, route)
    answer = world.ask_at("POST", f"/serving/default/{path}/v1/models/iris:predict", b"{}")
    assert (answer.status, answer.revision) == (200, "iris-predictor")
    assert len(new.seen) == 1


def test_removing_a_backend_closes_its_idle_connections(world: World) -> None:
    backend = world.one()
    world.ask()
    assert backend.open_connections == 1
    world.address("r1", None)
    wait_for(lambda: not backend.open_connections, "the pooled connection is closed")


def test_connections_to_a_backend_are_used_again(world: World) -> None:
    backend = world.one()
    for _ in range(20):
        world.ask()
    assert backend.connections == 1


def test_stop_lets_running_requests_finish_and_takes_no_new_ones(patient: World) -> None:
    world = patient
    release = threading.Event()
    backend = world.one(gate(release))
    idle = world.connect()
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(world.ask)
        wait_for(lambda: backend.seen, "the request is under way")
        stopped = world.spawn(world.gateway.stop())
        wait_for(lambda: refuses(world), "new connections are refused")
        assert not stopped.done()
        release.set()
        assert asked.result().body == b"late"
    assert stopped.result(5) is None
    assert idle.recv(1) == b""
    idle.close()


def test_a_body_that_is_still_arriving_when_the_gateway_stops_is_taken(patient: World) -> None:
    patient.one()
    with patient.connect() as client:
        client.sendall(request(b"Expect: 100-continue", b"Content-Length: 4"))
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        stopped = patient.spawn(patient.gateway.stop())
        wait_for(lambda: refuses(patient), "new connections are refused")
        client.sendall(b"body")
        assert until_closed(client).endswith(b"{}")
    stopped.result(5)


def refuses(world: World) -> bool:
    try:
        world.connect().close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("world", ["uvloop"], indirect=True)
def test_stop_cuts_off_what_outlasts_the_drain(world: World) -> None:
    backend = world.one(hang)
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(world.ask)
        wait_for(lambda: backend.seen, "the request is under way")
        world.run(world.gateway.stop())
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            asked.result()


def test_a_taken_port_is_told_in_one_sentence(world: World) -> None:
    other = world.call(Gateway)
    with pytest.raises(PlatformError, match=rf"127\.0\.0\.1:{world.port} .*KANARYA_GATEWAY_PORT"):
        world.run(other.start("127.0.0.1", world.port))
