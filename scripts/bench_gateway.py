"""What the gateway costs: the same requests sent straight to a backend and through the gateway.

    python -m scripts.bench_gateway [--direct URL --gateway URL] [--seconds N] [--rate N]

Both are asked in the same run, in alternating blocks, open-loop: a request leaves at its time
whether or not the one before it was answered. Without URLs a small backend and a gateway are
started, each in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TypeVar, cast
from urllib.parse import urlsplit

BODY = json.dumps({"instances": [[5.1, 3.5, 1.4, 0.2]]}).encode()
ANSWER = json.dumps({"predictions": ["setosa"], "probabilities": [[0.98, 0.01, 0.01]]}).encode()
RATE = 200.0
BLOCK_S = 1.0
WARM_UP = 50
ANSWER_TIMEOUT_S = 5.0
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

Result = TypeVar("Result")


@dataclass(frozen=True)
class Side:
    """Where one of the two is asked, and the bytes of the request."""

    address: tuple[str, int]
    request: bytes

    @classmethod
    def of(cls, url: str) -> Side:
        """Return the side that a URL names."""
        parts = urlsplit(url)
        head = (
            f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
        )
        return cls((parts.hostname or "127.0.0.1", parts.port or 80), head.encode() + BODY)


@dataclass
class Sample:
    """What was measured of one side."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    def quantile_ms(self, share: float) -> float:
        """Return a quantile of the latency in milliseconds."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


class Wire(asyncio.Protocol):
    """One keep-alive connection; the clock is read at the first byte out and the last one in."""

    def __init__(self) -> None:
        """Wait for connection_made."""
        self.transport: asyncio.Transport
        self._got = b""
        self._sent_at = 0.0
        self._done: asyncio.Future[float] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> asyncio.Future[float]:
        """Send the request; the future gets the seconds until its whole answer was there."""
        self._got = b""
        self._done = asyncio.get_running_loop().create_future()
        self._sent_at = time.perf_counter()
        self.transport.write(request)
        return self._done

    def data_received(self, data: bytes) -> None:
        """Finish when the body is complete."""
        now = time.perf_counter()
        self._got += data
        if self._done and not self._done.done() and _complete(self._got):
            if self._got.startswith(b"HTTP/1.1 200"):
                self._done.set_result(now - self._sent_at)
            else:
                self._done.set_exception(ConnectionError(self._got[:40].decode("latin-1")))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what was under way."""
        if self._done and not self._done.done():
            self._done.set_exception(exc or ConnectionError("closed"))


class Client:
    """Sends one side's requests, over as many connections as are under way at once."""

    def __init__(self, side: Side) -> None:
        """Open the first connection with the first request."""
        self._side = side
        self._idle: list[Wire] = []

    async def ask(self, sample: Sample) -> None:
        """Send one request and note what became of it."""
        try:
            wire = self._idle.pop() if self._idle else await self._connect()
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                sample.seconds.append(await wire.ask(self._side.request))
            self._idle.append(wire)
        except OSError:  # a timeout is one, too
            sample.failed += 1

    def close(self) -> None:
        """Close every connection."""
        for wire in self._idle:
            wire.transport.close()

    async def _connect(self) -> Wire:
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(Wire, *self._side.address))[1]


def _complete(got: bytes) -> bool:
    head, found, body = got.partition(b"\r\n\r\n")
    _, has_length, rest = head.lower().partition(b"content-length:")
    if not found or not has_length:
        return bool(found) and body.endswith(b"0\r\n\r\n")
    return len(body) >= int(rest.split(b"\r\n")[0])


async def block(client: Client, sample: Sample, *, requests: int, rate: float) -> None:
    """Send requests at their times, then wait for those that are still under way."""
    loop = asyncio.get_running_loop()
    start, tasks = loop.time(), set()
    for number in range(requests):
        await asyncio.sleep(start + number / rate - loop.time())
        tasks.add(asyncio.ensure_future(client.ask(sample)))
    await asyncio.gather(*tasks)


async def measure(
    direct: str, gateway: str, *, seconds: float, rate: float = RATE
) -> dict[str, object]:
    """Return the report of `seconds` of requests to each side, in alternating blocks."""
    clients = {"direct": Client(Side.of(direct)), "gateway": Client(Side.of(gateway))}
    samples = {name: Sample() for name in clients}
    for client in clients.values():
        await block(client, Sample(), requests=WARM_UP, rate=rate)
    for _ in range(max(1, round(seconds / BLOCK_S))):
        for name, client in clients.items():
            await block(client, samples[name], requests=round(rate * BLOCK_S), rate=rate)
    for client in clients.values():
        client.close()
    return report(samples["direct"], samples["gateway"])


def report(direct: Sample, gateway: Sample) -> dict[str, object]:
    """Return quantiles of both sides in milliseconds, their differences and their ratios."""
    ratios, figures = {}, {"requests": float(len(direct.seconds) + len(gateway.seconds))}
    for name, share in QUANTILES.items():
        slow, fast = gateway.quantile_ms(share), direct.quantile_ms(share)
        figures |= {f"direct_{name}_ms": fast, f"gateway_{name}_ms": slow}
        figures[f"added_{name}_ms"] = slow - fast
        ratios[f"gateway_{name}_over_direct"] = slow / fast
    figures |= {"direct_failed": direct.failed, "gateway_failed": gateway.failed}
    return {
        "bench": "gateway",
        "ratios": {name: round(value, 3) for name, value in ratios.items()},
        "figures": {name: round(value, 4) for name, value in figures.items()},
    }


class OwnBackend(asyncio.Protocol):
    """Answers each request at once, with nothing in between that could cost time."""

    answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport, self._got = cast(asyncio.Transport, transport), b""

    def data_received(self, data: bytes) -> None:
        """Answer when the body is complete."""
        self._got += data
        if _complete(self._got):
            self._got = b""
            self._transport.write(self.answer % (len(ANSWER), ANSWER))


async def serve(role: str, backend_port: int) -> None:
    """Be the backend or the gateway: print the port, serve until standard input closes."""
    loop = asyncio.get_running_loop()
    if role == "backend":
        server = await loop.create_server(OwnBackend, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
    else:
        port = await _gateway(backend_port)
    print(port, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


async def _gateway(backend_port: int) -> int:
    from serving.local.gateway import Gateway, Route, Target

    gateway = Gateway()
    gateway.set_route(Route("default", "iris", (Target("iris-1", 100),), "iris-1"))
    gateway.set_backend("default/iris-1", ("127.0.0.1", backend_port))
    return await gateway.start("127.0.0.1", 0)


@contextmanager
def own_process(*arguments: str) -> Iterator[int]:
    """Start a role in a process of its own; gives its port."""
    command = [sys.executable, "-m", "scripts.bench_gateway", "--serve", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdin
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(10)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--direct", help="URL of a prediction on the backend itself")
    parser.add_argument("--gateway", help="URL of the same prediction through the gateway")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each of the two")
    parser.add_argument("--rate", type=float, default=RATE, help="requests a second")
    parser.add_argument("--loop", choices=["uvloop", "asyncio"], default="uvloop")
    parser.add_argument("--serve", choices=["backend", "gateway"], help=argparse.SUPPRESS)
    parser.add_argument("--backend-port", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def _run(main: Coroutine[None, None, Result], loop: str) -> Result:
    if loop == "asyncio":
        return asyncio.run(main)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def _with_own_processes(arguments: argparse.Namespace) -> dict[str, object]:
    loop = ("--loop", arguments.loop)
    path = "v1/models/iris:predict"
    with ExitStack() as stack:
        backend = stack.enter_context(own_process("backend"))
        ports = ("--backend-port", str(backend))
        gateway = stack.enter_context(own_process("gateway", *ports, *loop))
        direct = f"http://127.0.0.1:{backend}/{path}"
        through = f"http://127.0.0.1:{gateway}/serving/default/iris/{path}"
        timing = {"seconds": arguments.seconds, "rate": arguments.rate}
        return _run(measure(direct, through, **timing), "uvloop")


def _tell(outcome: dict[str, object]) -> None:
    figures = outcome["figures"]
    assert isinstance(figures, dict)
    for name in QUANTILES:
        direct, gateway, added = (
            figures[f"{of}_{name}_ms"] for of in ("direct", "gateway", "added")
        )
        print(
            f"{name}  direct {direct:7.3f} ms   gateway {gateway:7.3f} ms   added {added:7.3f} ms"
        )
    print(f"failed  direct {figures['direct_failed']}   gateway {figures['gateway_failed']}")
    print(json.dumps(outcome))


def main() -> None:
    """Measure and print; the last line is JSON."""
    arguments = _arguments()
    if arguments.serve:
        _run(serve(arguments.serve, arguments.backend_port), arguments.loop)
    elif arguments.direct and arguments.gateway:
        timing = {"seconds": arguments.seconds, "rate": arguments.rate}
        _tell(_run(measure(arguments.direct, arguments.gateway, **timing), "uvloop"))
    else:
        _tell(_with_own_processes(arguments))


if __name__ == "__main__":
    main()
