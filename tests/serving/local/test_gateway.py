"""The gateway as its clients see it: exact shares, addresses, refusals, changes, counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import pytest

from serving.local.gateway import Target
from serving.local.splitter import sequence
from tests.serving.local.gateway_kit import (
    PREDICT,
    World,
    read,
    running,
    wait_for,
)


@pytest.fixture(params=["asyncio", "uvloop"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with running(request.param, drain_s=0.1) as made:
        yield made


def canary(world: World, percent: int = 10) -> None:
    world.backend("r1")
    world.backend("r2")
    world.route(Target("r2", percent, "latest"), Target("r1", 100 - percent, "prev"), stable="r1")


@pytest.mark.parametrize("percent", [0, 1, 10, 50, 100])
def test_any_100_consecutive_predictions_are_split_exactly(world: World, percent: int) -> None:
    canary(world, percent)
    client = world.client()
    got = []
    for _ in range(137):
        client.request("POST", f"/serving/default/iris{PREDICT}", b"{}")
        got.append(read(client).revision)
    client.close()
    assert all(got[n : n + 100].count("r2") == percent for n in range(38))


def test_a_route_that_is_set_again_with_equal_percents_goes_on_where_it_was(world: World) -> None:
    canary(world)
    got = []
    for _ in range(100):
        got.append(world.ask().revision)
        world.route(Target("r1", 90), Target("r2", 10), stable="r2")
    assert got.count("r2") == 10


def test_other_requests_do_not_move_the_predictions_sequence(world: World) -> None:
    canary(world)
    got = []
    for number in range(100):
        got.append(world.ask().revision)
        if number % 3 == 0:
            assert world.ask("GET", "/v2/models/iris/ready").status == 200
            assert world.ask_at("POST", f"/serving/default/latest-iris-predictor{PREDICT}").status
    assert Counter(got) == {"r1": 90, "r2": 10}
    assert sum(world.responses().values()) == 100


def test_a_service_answers_by_path_by_host_and_by_tag(world: World) -> None:
    canary(world, 0)
    assert world.ask_at("POST", f"/serving/default/iris-predictor{PREDICT}").revision == "r1"
    assert world.ask_at("POST", PREDICT, Host="iris.default.example.com").revision == "r1"
    tagged = f"/serving/default/latest-iris-predictor{PREDICT}"
    assert world.ask_at("POST", tagged).revision == "r2"
    by_host = world.ask_at("POST", PREDICT, Host="latest-iris-predictor.default.example.com:80")
    assert by_host.revision == "r2"


def test_an_unknown_service_is_404_with_what_is_known(world: World) -> None:
    canary(world)
    answer = world.ask_at("POST", f"/serving/default/rose{PREDICT}")
    assert answer.status == 404
    assert answer.header("content-type") == "application/json"
    assert "/serving/default/rose" in answer.error
    assert "default/iris" in answer.error
    world.call(world.gateway.remove_route, "default", "iris")
    assert world.ask().status == 404
    assert world.attempts() == {}


def test_without_a_ready_revision_it_is_503_with_the_remedy(world: World) -> None:
    canary(world)
    world.address("r1", None)
    world.address("r2", None)
    answer = world.ask()
    assert answer.status == 503
    assert answer.error == "iris: no revision is ready; look at kubectl get isvc iris"
    world.route(service="empty")
    assert world.ask_at("POST", f"/serving/default/empty{PREDICT}").status == 503
    assert world.counted("kanarya_responses_total", "service", "code") == {
        ("iris", "503"): 1,
        ("empty", "503"): 1,
    }


def test_a_revision_that_is_not_ready_is_passed_over_and_its_share_counts_against_it(
    world: World,
) -> None:
    canary(world, 50)
    world.address("r2", None)
    assert {world.ask().revision for _ in range(10)} == {"r1"}
    assert world.attempts() == {("r2", "503"): 5, ("r1", "200"): 10}
    tagged = world.ask_at("POST", f"/serving/default/latest-iris-predictor{PREDICT}")
    assert (tagged.status, "latest is not ready" in tagged.error) == (503, True)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST /x HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 400),
        ("GET /ü HTTP/1.1\r\nHost: a\r\n\r\n".encode(), 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 501),
    ],
)
def test_what_is_not_proper_http_is_refused(world: World, sent: bytes, status: int) -> None:
    canary(world)
    assert world.raw(sent).split(b" ")[1] == b"%d" % status
    assert world.ask().status == 200


def test_a_broken_chunk_in_a_body_is_400_and_reaches_nobody(world: World) -> None:
    backend = world.one()
    head = f"POST /serving/default/iris{PREDICT} HTTP/1.1\r\nHost: a\r\n".encode()
    got = world.raw(head + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n")
    assert got.split(b" ")[1] == b"400"
    assert backend.seen == []


def test_an_upgrade_is_501_but_an_offer_of_http2_is_only_an_offer(world: World) -> None:
    canary(world)
    answer = world.ask("GET", "/ws", None, Upgrade="websocket", Connection="Upgrade")
    assert (answer.status, "websocket" in answer.error) == (501, True)
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2_Settings": "AAM"}
    assert world.ask(**offer).status == 200


def test_an_unknown_expectation_is_417(world: World) -> None:
    world.one()
    assert world.ask(Expect="200-maybe").status == 417


def test_the_gateway_answers_for_its_own_health(world: World) -> None:
    assert world.ask_at("GET", "/healthz").body == b"ok\n"


def test_metrics_count_predictions_by_service_revision_and_code(world: World) -> None:
    canary(world, 50)
    for _ in range(4):
        world.ask()
    text = world.ask_at("GET", "/metrics").body.decode()
    for line in (
        'kanarya_requests_total{code="200",namespace="default",revision="r2",service="iris"} 2.0',
        'kanarya_responses_total{code="200",namespace="default",service="iris"} 4.0',
        'kanarya_request_seconds_count{namespace="default",revision="r1",service="iris"} 2.0',
        'kanarya_request_seconds_bucket{le="0.0005",namespace="default",revision="r1"',
        'le="60.0",namespace="default",revision="r1",service="iris"} 2.0',
        "kanarya_gateway_start_time_seconds ",
    ):
        assert line in text


def test_the_numbers_of_one_service_alone_can_be_asked_for(world: World) -> None:
    canary(world, 50)
    world.ask()
    for query, found in (
        ("", True),
        ("?namespace=default&service=iris", True),
        ("?namespace=other&service=iris", False),
        ("?namespace=default&service=rose", False),
    ):
        text = world.ask_at("GET", f"/metrics{query}").body.decode()
        assert ('service="iris"' in text) is found
        assert "kanarya_gateway_start_time_seconds " in text


@pytest.mark.thorough
@pytest.mark.parametrize("world", ["uvloop"], indirect=True)
def test_2000_requests_through_20_changes_fail_never_and_are_split_exactly(world: World) -> None:
    """Each phase has revision names of its own, so an answer tells the phase it belongs to."""
    first, second = world.backend("one"), world.backend("two")
    for phase in range(21):
        for name, backend in (("a", first), ("b", second)):
            address = world.servers[0 if backend is first else 1].sockets[0].getsockname()
            world.address(f"{phase}{name}", address)
    shares = [(5 * phase) % 105 for phase in range(21)]
    answers: list[tuple[int, str | None]] = []

    def send(count: int) -> None:
        client = world.client()
        for _ in range(count):
            client.request("POST", f"/serving/default/iris{PREDICT}", b'{"instances": [[1]]}')
            answer = read(client)
            answers.append((answer.status, answer.revision))
        client.close()

    def start(phase: int) -> None:
        share = shares[phase]
        world.route(Target(f"{phase}b", share), Target(f"{phase}a", 100 - share))

    start(0)
    with ThreadPoolExecutor(8) as threads:
        clients = [threads.submit(send, 250) for _ in range(8)]
        for phase in range(1, 21):
            wait_for(lambda due=phase * 95: len(answers) >= due, "the phase had its requests")
            start(phase)
        for client in clients:
            client.result()
    assert Counter(status for status, _ in answers) == {200: 2000}
    got = Counter(revision for _, revision in answers)
    for phase, share in enumerate(shares):
        names = sequence({f"{phase}b": share, f"{phase}a": 100 - share})
        total = got[f"{phase}a"] + got[f"{phase}b"]
        due = Counter(islice(cycle(names), total))
        assert {name: got[name] for name in due} == dict(due)
    assert sum(world.attempts().values()) == 2000
