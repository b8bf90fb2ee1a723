"""What belongs to the installation is asked without a proxy, and a broken answer is a sentence."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from components.monitor.step import sketch_of
from console.data.asking import ask
from scripts.predict import answers
from serving.errors import KanaryaError
from serving.isvc.resource import ServiceView

GONE = "http://127.0.0.1:9"


@contextmanager
def server(status: int, body: bytes, more: int = 0) -> Iterator[str]:
    """Answer everything with a body that is `more` bytes longer than it is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) + more))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{found.server_port}"
        finally:
            found.shutdown()
            thread.join()


ASKED = {
    "the sketch": lambda url: sketch_of(ServiceView("iris", "default", url=url)),
    "a prediction": lambda url: [*answers(url, "iris", "-")],
    "a question of the console": lambda url: ask(url, "iris", {"age": 1}),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED.keys())
@pytest.mark.parametrize(
    ("body", "more"), [(b'{"age": ', 100), (b"<html>a proxy</html>", 0)], ids=["torn", "no JSON"]
)
def test_an_answer_that_is_none_is_said_in_a_sentence(asked, body: bytes, more: int) -> None:
    with server(200, body, more) as url, pytest.raises(KanaryaError) as said:
        asked(url)
    assert "\n" not in str(said.value)


def test_no_proxy_of_the_environment_stands_between(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", GONE)
    monkeypatch.setattr(urllib.request, "_opener", None)  # which remembers another environment
    with server(200, b'{"version": "3"}') as url:
        assert sketch_of(ServiceView("iris", "default", url=url)) == {"version": "3"}
