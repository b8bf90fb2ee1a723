"""Servers of metrics for tests: real sockets on loopback, and the pages that exporters serve."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from serving.isvc.resource import ServiceView, TrafficTarget

STABLE, CANARY = "iris-predictor-00001", "iris-predictor-00002"
BOUNDS = ("0.005", "0.05", "0.5", "+Inf")


def serving(percent: int = 10, *, url: str = "", annotations: Mapping[str, str] | None = None):
    """The view of a service whose canary has `percent`; `url` + a revision's name is its tag's."""
    return ServiceView(
        "iris",
        "ml",
        latest_created=CANARY,
        rolled_out=STABLE,
        traffic=(
            TrafficTarget(CANARY, percent, "latest", True, f"{url}/{CANARY}" if url else None),
            TrafficTarget(STABLE, 100 - percent, "prev", False, f"{url}/{STABLE}" if url else None),
        ),
        annotations=annotations or {},
    )


@dataclass
class Answer:
    """What a server says to a GET."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Site = Callable[[str, Mapping[str, str]], Answer]


@contextmanager
def site(answer: Site) -> Iterator[str]:
    """Serve what `answer(path, headers)` says on a free port; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = answer(self.path, dict(self.headers.items()))
            with suppress(OSError):
                self.send_response(said.status)
                for name, value in {"Content-Length": len(said.body), **said.headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(said.body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Exporter:
    """A process that counts, as its page tells it."""

    born: float = 1000.0
    codes: dict[str, int] = field(default_factory=lambda: {"200": 0})
    slow: int = 0
    labels: dict[str, int] = field(default_factory=lambda: {"setosa": 0, "virginica": 0})

    @property
    def requests(self) -> int:
        return sum(self.codes.values())

    def count(self, requests: int, errors: int = 0, slow: int = 0) -> None:
        self.codes["200"] += requests - errors
        if errors:
            self.codes["500"] = self.codes.get("500", 0) + errors
        self.slow += slow
        self.labels["setosa"] += requests - errors

    def restart(self, born: float) -> None:
        self.__init__(born)

    def cumulative(self, *, ms: bool = False) -> Iterator[tuple[str, int]]:
        for bound in BOUNDS:
            shown = f"{float(bound) * 1000:g}" if ms and bound != "+Inf" else bound
            yield shown, self.requests - (self.slow if float(bound) < 0.5 else 0)

    def predictor(self) -> str:
        own = 'model="iris",version="1"'
        seconds = f'kanarya_predictor_request_seconds_bucket{{{own},protocol="v2"'
        lines = [f"process_start_time_seconds {self.born!r}"]
        for code, count in self.codes.items():
            lines.append(
                f'kanarya_predictor_requests_total{{{own},protocol="v2",code="{code}"}} {count}.0'
            )
        for bound, count in self.cumulative():
            lines.append(f'{seconds},le="{bound}"}} {count}')
        for label, count in self.labels.items():
            lines.append(f'kanarya_predictions_total{{{own},label="{label}"}} {count}.0')
        rows = sum(self.labels.values())
        for bound, count in (("0.5", 0), ("0.9", rows // 2), ("1.0", rows), ("+Inf", rows)):
            lines.append(f'kanarya_prediction_confidence_bucket{{{own},le="{bound}"}} {count}')
        return "\n".join(lines) + "\n"

    def opencensus(self, revision: str, pod: str) -> str:
        own = (
            f'namespace_name="ml",service_name="iris-predictor",configuration_name="iris-predictor",'
            f'revision_name="{revision}",container_name="queue-proxy",pod_name="{pod}"'
        )
        lines = []
        for code, count in self.codes.items():
            of = f'{own},response_code="{code}",response_code_class="{code[0]}xx"'
            lines.append(f"revision_request_count{{{of}}} {count}")
            shares = self.cumulative(ms=True) if code == "200" else ((b, count) for b in ("+Inf",))
            for bound, total in shares:
                total = total - (self.requests - count) if code == "200" else total
                lines.append(
                    f'revision_request_latencies_bucket{{{of},le="{bound}"}} {max(total, 0)}'
                )
        return "\n".join(lines) + "\n"

    def opentelemetry(self, revision: str, pod: str) -> str:
        info = (
            f'k8s_namespace_name="ml",k8s_pod_name="{pod}",kn_revision_name="{revision}",'
            f'kn_service_name="iris-predictor",service_name="iris-predictor",service_version="x"'
        )
        lines = [
            f"process_start_time_seconds {self.born!r}",
            f"target_info{{{info}}} 1",
        ]
        metric = "http_server_request_duration_seconds"
        for code, count in self.codes.items():
            of = (
                f'http_request_method="POST",http_response_status_code="{code}",'
                'kn_route_tag="kn:disabled",network_protocol_name="http",'
                'otel_scope_name="otelhttp",server_address="iris",url_scheme="http"'
            )
            lines.append(f"{metric}_count{{{of}}} {count}")
            lines += [f'{metric}_bucket{{{of},le="{bound}"}} {count}' for bound in BOUNDS]
        return "\n".join(lines) + "\n"


def vector(at: float, *series: tuple[Mapping[str, str], float | str]) -> bytes:
    """An answer of Prometheus' API, as it sends it."""
    result = [{"metric": dict(labels), "value": [at, str(value)]} for labels, value in series]
    return json.dumps(
        {"status": "success", "data": {"resultType": "vector", "result": result}}
    ).encode()


Talk = Callable[[socket.socket], None]


@contextmanager
def talking(talk: Talk) -> Iterator[str]:
    """Serve what `talk` writes on a bare socket, however far it is from HTTP; gives the address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def one(sock: socket.socket) -> None:
        with sock, suppress(OSError):
            sock.recv(1 << 16)
            talk(sock)

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
