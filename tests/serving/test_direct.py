"""What belongs to the installation is asked without a proxy, and a broken answer is a sentence."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.finish.cluster import Api, pods
from components.monitor.step import sketch_of
from console.data.asking import ask
from scripts.demo.faults import put_in
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


def account(folder: Path) -> Path:
    """What a pod carries."""
    for name in ("token", "namespace"):
        (folder / name).write_text("mine")
    return folder


ANSWER = b'{"items": [{"kind": "Pod"}]}'
DIRECT = {
    "the sketch": lambda url, _: sketch_of(ServiceView("iris", "default", url=url)),
    "the pods of a run": lambda url, mine: {"items": pods(Api(url, account(mine)), "iris-x7")},
    "the demo's fault": lambda url, _: put_in(url, {"rate": 1}) or json.loads(ANSWER),
}


@pytest.mark.parametrize("asked", DIRECT.values(), ids=DIRECT.keys())
def test_no_proxy_of_the_environment_stands_between(
    asked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", GONE)
    monkeypatch.setattr(urllib.request, "_opener", None)  # which remembers another environment
    with server(200, ANSWER) as url:
        assert asked(url, tmp_path) == json.loads(ANSWER)
