"""A request reaches the backend as it was sent, byte for byte."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest

from tests.serving.local.gateway_kit import (
    World,
    request,
    running,
    until_closed,
)

MIB = 1024 * 1024


@pytest.fixture(params=["asyncio", "uvloop"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with running(request.param, drain_s=0.3) as made:
        yield made


@pytest.mark.parametrize(
    "target",
    [
        b"/",
        b"/a%2Fb%2fc/../d//e",
        b"/x?",
        b"/x?a=1&a=2&b=%20+&c=%C3%BC",
        b"/x?q=/serving/default/iris/y?z",
        b"/%zz%",
        b"/a;b=c,d@e:f!$&'()*",
        b"/v1/models/iris:predict?probability=true",
    ],
)
def test_the_target_reaches_the_backend_as_it_was_written(world: World, target: bytes) -> None:
    backend = world.one()
    head = b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    world.raw(b"GET /serving/default/iris" + target + head)
    assert backend.seen[0].line == b"GET " + target + b" HTTP/1.1"


@pytest.mark.parametrize("method", [b"GET", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"PROPFIND"])
def test_every_method_goes_through(world: World, method: bytes) -> None:
    backend = world.one()
    assert world.raw(request(method=method)).startswith(b"HTTP/1.1 200 OK")
    assert backend.seen[0].line.split()[0] == method


@pytest.mark.parametrize(
    "header",
    [
        b"X-Request-Id: 7f3-Ab",
        b"x-UPPER-lower: KePt",
        b"Accept-Encoding: gzip, br",
        b"X-Latin: caf\xe9",
        "X-Utf8: ü".encode(),
        b"X-Empty: ",
        b"X-Long: " + b"y" * 8000,
        b'Content-Type: application/x-unheard-of; a="b,c"',
        b"Inference-Header-Content-Length: 12",
        b"Authorization: Bearer a.b.c",
        b"Cookie: a=b; c=d",
    ],
)
def test_a_request_header_is_passed_on_as_it_is(world: World, header: bytes) -> None:
    backend = world.one()
    world.raw(request(header))
    name, _, value = header.partition(b": ")
    assert (name, value) in backend.seen[0].headers


def test_headers_keep_their_order_and_their_doubles(world: World) -> None:
    backend = world.one()
    world.raw(request(b"B: 1", b"A: 2", b"B: 3"))
    assert backend.seen[0].headers[:4] == [
        (b"Host", b"a.example:99"),
        (b"B", b"1"),
        (b"A", b"2"),
        (b"B", b"3"),
    ]


def test_headers_of_the_connection_stay_behind(world: World) -> None:
    backend = world.one()
    own = (b"Keep-Alive: timeout=5", b"TE: trailers", b"Proxy-Connection: x", b"X-Mine: 1")
    named = b"Connection: X-Mine, content-length, host, close"
    world.raw(request(*own, named, b"Content-Length: 2", body=b"{}", close=False))
    seen = backend.seen[0]
    names = [name.lower() for name, _ in seen.headers]
    forwarded = [b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"]
    assert names == [b"host", b"content-length", *forwarded]
    assert seen.body == b"{}"


def test_the_backend_learns_who_asked(world: World) -> None:
    backend = world.one()
    world.raw(request())
    seen = backend.seen[0]
    assert seen.header(b"x-forwarded-for") == b"127.0.0.1"
    assert seen.header(b"x-forwarded-proto") == b"http"
    assert seen.header(b"x-forwarded-host") == b"a.example:99"


def test_what_an_outer_proxy_said_is_kept(world: World) -> None:
    backend = world.one()
    world.raw(
        request(
            b"X-Forwarded-For: 10.0.0.1, 10.0.0.2",
            b"X-Forwarded-Proto: https",
            b"X-Forwarded-Host: iris.example.com",
        )
    )
    seen = backend.seen[0]
    assert seen.header(b"x-forwarded-for") == b"10.0.0.1, 10.0.0.2, 127.0.0.1"
    assert seen.header(b"x-forwarded-proto") == b"https"
    assert seen.header(b"x-forwarded-host") == b"iris.example.com"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        bytes(range(256)) * 40,
        gzip.compress(b"x" * 500, mtime=0),
        b"z" * MIB,
        b"z" * (MIB + 1),
    ],
    ids=["empty", "json", "binary", "gzip", "1 MiB", "over 1 MiB"],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_arrives_whole(world: World, body: bytes, chunked: bool) -> None:
    backend = world.one()
    headers = [b"Content-Encoding: gzip"]
    if chunked:
        pieces = [body[at : at + 300_000] for at in range(0, len(body), 300_000)]
        sent = b"".join(b"%x;e=1\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\nT: 1\r\n\r\n"
        headers.append(b"Transfer-Encoding: chunked")
    else:
        sent = body
        headers.append(b"Content-Length: %d" % len(body))
    assert world.raw(request(*headers, body=sent)).endswith(b"{}")
    assert backend.seen[0].body == body
    assert backend.seen[0].header(b"content-encoding") == b"gzip"


def test_a_client_that_expects_100_continue_gets_it_and_the_backend_the_body(world: World) -> None:
    backend = world.one()
    with world.connect() as client:
        client.sendall(request(b"Expect: 100-continue", b"Content-Length: 4"))
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"body")
        assert until_closed(client).startswith(b"HTTP/1.1 200 OK\r\n")
    assert (backend.seen[0].body, backend.seen[0].header(b"expect")) == (b"body", None)
