"""What a service tells of its labels, over real HTTP."""

import json
import math
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from pipelines.retrain.feedback import measured
from pipelines.retrain.rules import Measured
from serving.errors import PlatformError

ACCURACY = {"accuracy": {"value": 0.8, "low": 0.75, "high": 0.85}}
ONE_LABEL = {"mae": {"value": 2, "low": 0, "high": None}}


@pytest.fixture
def service() -> Iterator[HTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = self.server.answer  # type: ignore[attr-defined]
            self.send_response(status if self.path == "/v2/models/iris/feedback" else 500)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *told: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def told(server: HTTPServer, status: int, body: bytes) -> dict[str, Measured]:
    server.answer = status, body  # type: ignore[attr-defined]
    return measured(f"http://127.0.0.1:{server.server_port}", "iris", "3")


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        ({"3": {"labels": 214, "metrics": ACCURACY}}, Measured(0.8, 0.75, 0.85, 214)),
        ({"3": {"labels": 1, "metrics": ONE_LABEL}}, Measured(2.0, 0.0, math.inf, 1)),
        ({"3": {"labels": 0, "metrics": {}}}, None),
        ({"2": {"labels": 214, "metrics": ACCURACY}}, None),
    ],
)
def test_the_metrics_of_the_version_are_taken(
    service: HTTPServer, versions: object, found: Measured | None
) -> None:
    answer = told(service, 200, json.dumps({"model": "iris", "versions": versions}).encode())
    assert list(answer.values()) == ([found] if found else [])


def test_a_model_without_labels_is_not_wrong(service: HTTPServer) -> None:
    assert told(service, 404, b"") == {}


@pytest.mark.parametrize(("status", "body"), [(503, b""), (200, b"<html>"), (200, b"[]")])
def test_no_answer_is_no_verdict(service: HTTPServer, status: int, body: bytes) -> None:
    with pytest.raises(PlatformError, match="/v2/models/iris/feedback"):
        told(service, status, body)
