"""The collector: an HTTP server that keeps what predictors answered and what was true.

    POST /<namespace>/<model>/predictions   a message of `wire.predictions`
    POST /<namespace>/<model>/labels        a message of `wire.labels`; 200 once they are on disk
    GET  /<namespace>/<model>[?window_s=N]  how good each version was
    GET  /metrics, /healthz

It is asked by predictors, a few connections with large messages, and is not for the world: it has
no login, so it listens on loopback, or in a cluster behind a NetworkPolicy. The standard library's
server does: a thread a connection, a quarter of the memory of an ASGI server, up in 0.1 s.
"""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from serving.errors import KanaryaError, PlatformError, UsageError
from serving.feedback import gauges, wire
from serving.feedback.book import BookFull
from serving.feedback.books import Books
from serving.feedback.performance import LivePerformance
from serving.feedback.wire import WireError

PATIENCE_S = 30.0
"""For a message to come, and for the next one on a connection."""
JSON, TEXT = "application/json", "text/plain; version=0.0.4; charset=utf-8"

log = logging.getLogger("kanarya.feedback")


class Reply(NamedTuple):
    """A whole answer."""

    status: int
    body: bytes
    type: str = JSON


class Desk:
    """Answers requests from the books; knows no socket."""

    def __init__(
        self, books: Books, window_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        """`window_s`: of a question that names none."""
        self._books, self._window_s, self._clock = books, window_s, clock

    def get(self, target: str) -> Reply:
        """Answer a question."""
        url = urlsplit(target)
        if url.path == "/healthz":
            return Reply(200, b"ok\n", TEXT)
        if url.path == "/metrics":
            return Reply(200, self._metrics().encode(), TEXT)
        namespace, model, *rest = [*url.path.strip("/").split("/"), "", ""][:3]
        if rest != [""]:
            return refused(404, f"{url.path:.200}: ask /<namespace>/<model>.")
        window_s = _window(parse_qs(url.query), self._window_s)
        book = self._books.found(namespace, model)
        nothing = LivePerformance(model, {}, window_s)
        found = book.performance(model, window_s, self._clock()) if book else nothing
        return _said(found.to_json())

    def post(self, target: str, body: bytes) -> Reply:
        """Take a message; predictions or labels are on the disk when this returns 200."""
        namespace, model, what = [*target.strip("/").split("/"), "", "", ""][:3]
        now = self._clock()
        match what:
            case "predictions":
                rows = wire.predictions_of(body)
                self._books.of(namespace, model).predicted(rows, now)
                return _said({"kept": len(rows)})
            case "labels":
                found = wire.labels_of(body)
                joined = self._books.of(namespace, model).labelled(found, now)
                return _said({"kept": len(found), "matched": joined})
        return refused(404, f"{target:.200}: post to /<namespace>/<model>/predictions or labels.")

    def _metrics(self) -> str:
        return gauges.page(self._known(self._clock()))

    def _known(self, now: float) -> Iterator[tuple[Mapping[str, str], LivePerformance]]:
        """Yield how every model does; one whose file is damaged is for the log."""
        for namespace, model in self._books.known():
            try:
                found = self._books.of(namespace, model).performance(model, self._window_s, now)
            except PlatformError as error:
                log.error("%s", error)
            else:
                yield {"namespace": namespace}, found


def answer(respond: Callable[[], Reply]) -> Reply:
    """Return what `respond` does, or its error as a sentence."""
    try:
        return respond()
    except (WireError, UsageError) as error:
        return refused(400, str(error))
    except BookFull as error:
        return refused(507, str(error))
    except KanaryaError as error:
        log.error("%s", error)
        return refused(503, str(error))


def refused(status: int, sentence: str) -> Reply:
    """Return an error, as KServe words it."""
    return _said({"error": sentence}, status)


def _said(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value, allow_nan=False).encode())


def _window(query: dict[str, list[str]], usual: float) -> float:
    given = query.get("window_s")
    if given is None:
        return usual
    try:
        seconds = float(given[-1])
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= usual:
        raise UsageError(
            f"window_s is {given[-1]!r:.40}; give a number of seconds up to {usual:.0f}, for which "
            "feedback is kept."
        )
    return seconds


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_S
    wbufsize = 64 * 1024  # head and body in one write: the second would wait for an acknowledgement
    server: Collector

    def do_GET(self) -> None:
        """Answer a question."""
        self._send(answer(lambda: self.server.desk.get(self.path)))

    def do_POST(self) -> None:
        """Take a message."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > wire.MOST_BYTES:
            self.close_connection = True
            self._send(refused(413, f"A message has a length, {wire.MOST_BYTES} bytes at most."))
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return
        self._send(answer(lambda: self.server.desk.post(self.path, body)))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing of what goes well."""

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)


class Collector(ThreadingHTTPServer):
    """The server at a bound socket, which it listens on."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, desk: Desk) -> None:
        super().__init__(listener.getsockname()[:2], Handler, bind_and_activate=False)
        self.socket.close()
        self.socket, self.desk = listener, desk
        self.server_name, self.server_port = listener.getsockname()[:2]
        self.server_activate()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say in one line that a client went away."""
        log.info("%s went away", client_address)
