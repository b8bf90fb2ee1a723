"""What stands where the Kubernetes API should, on a bad day: each answer is one sentence."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from serving.errors import NotFound, ServiceError
from serving.isvc.client import ServiceClient, connect
from serving.isvc.services import Unreachable
from serving.local import kubeconfig


def status(code: int, reason: str, message: str) -> bytes:
    return json.dumps(
        {"kind": "Status", "code": code, "reason": reason, "message": message}
    ).encode()


PAGE = b"<html>Log in with \xe4</html>"
WEBHOOK = "failed calling webhook:\n  connection refused\n"
WORDS = "the server is currently unable to handle the request"


class Server(ThreadingHTTPServer):
    said: tuple[int, bytes] = (200, b"{}")


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        code, body = self.server.said
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", "http://127.0.0.1:9/login")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the base class asks for them

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    found = Server(("127.0.0.1", 0), _Handler)
    threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}).start()
    yield found
    found.shutdown()
    found.server_close()


@pytest.fixture
def client(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ServiceClient]:
    monkeypatch.setattr("serving.isvc.client.READ_PAUSES_S", (0.0,))
    kubeconfig.write(tmp_path / "kubeconfig", f"http://127.0.0.1:{server.server_port}", "default")
    yield connect(tmp_path / "kubeconfig", "default")


DAYS: list[tuple[tuple[int, bytes], type[ServiceError], str]] = [
    ((200, PAGE), Unreachable, "no API with InferenceServices: .* a login"),
    ((200, b"<html>Log in</html>"), Unreachable, "no API with InferenceServices"),
    ((200, b'{"error": "log in"}'), Unreachable, "no API with InferenceServices"),
    ((200, b'{"metadata": {"na'), Unreachable, "no API with InferenceServices"),
    ((200, b"null"), Unreachable, "no API with InferenceServices"),
    ((302, b""), Unreachable, "cannot reach the Kubernetes API"),
    ((404, b"404 page not found\n"), Unreachable, "is KServe installed there"),
    ((429, status(429, "TooManyRequests", "try later")), Unreachable, r"\(429\): try later"),
    ((500, status(500, "InternalError", WEBHOOK)), Unreachable, "webhook: connection refused"),
    ((503, status(503, "ServiceUnavailable", WORDS)), Unreachable, "currently unable"),
    ((504, b"<html>Gateway Time-out</html>"), Unreachable, r"refused it \(504\)"),
    ((401, status(401, "Unauthorized", "Unauthorized")), ServiceError, r"\(401\): Unauthorized"),
    ((403, status(403, "Forbidden", "cannot patch")), ServiceError, r"\(403\): cannot patch"),
    ((422, status(422, "Invalid", "one\ntwo")), ServiceError, "one two"),
]
ASKS: list[Callable[[ServiceClient], Any]] = [
    lambda client: client.get("iris"),
    lambda client: client.list(),
    lambda client: client.patch("iris", {}),
]


@pytest.mark.parametrize(("said", "error", "words"), DAYS, ids=[str(d[0])[:30] for d in DAYS])
def test_every_answer_that_is_none_is_one_sentence_and_what_may_pass_is_known(
    server: Server,
    client: ServiceClient,
    said: tuple[int, bytes],
    error: type[ServiceError],
    words: str,
) -> None:
    server.said = said
    for ask in ASKS:
        with pytest.raises(error, match=words) as refused:
            ask(client)
        assert type(refused.value) is error
        assert "\n" not in str(refused.value)
        assert str(server.server_port) in str(refused.value)


def test_only_the_api_itself_can_say_that_a_service_is_not_there(
    server: Server, client: ServiceClient
) -> None:
    server.said = (404, status(404, "NotFound", "not found"))
    assert client.get("iris") is None
    with pytest.raises(NotFound):
        client.patch("iris", {})
