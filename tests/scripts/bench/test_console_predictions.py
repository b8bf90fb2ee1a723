"""What is said of predictions beside a busy console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from scripts.bench.console_predictions import counted, crowd, figures, ratios
from scripts.bench.load import NO_ANSWER, OK, Answer


def test_quantiles_of_both_sides_are_compared_and_failures_counted() -> None:
    quiet = [Answer(OK, 0.001 * each) for each in range(1, 101)]
    busy = [Answer(OK, 0.002 * each) for each in range(1, 101)] + [Answer(NO_ANSWER, 10.0)]
    found = {**figures("quiet", quiet), **figures("busy", busy)}
    assert found["prediction_quiet_p99_ms"] == pytest.approx(99.0)
    assert (found["prediction_busy_requests"], found["prediction_busy_failed"]) == (101, 1)
    told = ratios(found)
    compared = {f"prediction_{name}_busy/quiet" for name in ("p50", "p95", "p99")}
    assert told == {name: pytest.approx(2.0) for name in compared}


@contextmanager
def pages() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_visitors_open_pages_until_they_are_told_to_go() -> None:
    with pages() as (url, asked), crowd("console_visitors", url, "/", "/queue") as visitors:
        opened = counted(visitors)
    assert opened == len(asked)
    assert set(asked) <= {"/", "/queue"}
