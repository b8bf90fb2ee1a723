"""The express lane: a prediction that is wholly there is answered at once, with one write.

uvicorn gives every request a scope, an event and a task, and checks every header of every answer:
that costs more than the prediction does. This protocol takes the usual request out before: a POST
to one of the desk's addresses, of a known and moderate length. Whatever is unusual about a request
(chunks, pipelining behind a slow one, `Expect`, HTTP/1.0, a CloudEvent, an answer that must be
awaited, a client that does not read) goes uvicorn's own way, which gives the same answer.

Connections are also watched here: a request must be whole within `Limits.request_s`, and one timer
a connection, which looks at the clock when it fires, costs the requests nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from serving.predictor.asgi import Headers, Reply
from serving.predictor.desk import ENCODING, Desk, failure, is_event, mark_of
from serving.predictor.offers import OfferProtocol
from serving.predictor.routes import PLAIN, CloudEvent, Given, Route

LONGEST = 64 * 1024
"""Bytes of a body that may take the express lane."""
FAREWELL_S = 0.5
"""How long a connection may stay idle once the server is leaving: a request may be on its way."""

IDLE, HEAD, BODY = range(3)
"""What a connection waits for: a request, the rest of its head, the rest of its body."""
_LENGTHS = range(LONGEST + 1)

logger = logging.getLogger("kserve")


def lane(desk: Desk, is_open: bool = True) -> Callable[..., ExpressProtocol]:
    """Return what makes the protocol of a connection; closed, the lane only watches the time."""
    is_open = is_open and desk.is_immediate
    routes = {path.encode(): route for path, route in desk.routes.items()} if is_open else {}
    return partial(ExpressProtocol, desk, routes)


class ExpressProtocol(OfferProtocol):
    """One connection: `desk` answers at the addresses of `express`, uvicorn's app elsewhere."""

    def __init__(self, desk: Desk, express: Mapping[bytes, Route], **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._desk = desk
        self._addresses = express
        self._route: Route | None = None
        self._given: Given = {}
        self._parts: list[bytes] = []
        self._since = perf_counter()
        self._dated: object = None
        self._plain = b""
        self._phase = IDLE
        self._is_leaving = False
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch the connection."""
        super().connection_made(transport)
        self._look_again()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Forget the request before."""
        self.url = b""
        self.headers = []
        self._route = None
        self._since = perf_counter()
        self._phase = HEAD

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Choose the lane."""
        self._phase = BODY
        route = self._addresses.get(self.url)
        if route is not None:
            given = dict(self.headers)
            if self._is_usual(given):
                self._route, self._given = route, given
                self._parts = []
                return
        if not self.passed_over():
            self._go_uvicorns_way()

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body."""
        if self._route is None:
            super().on_body(body)
        else:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """Answer, or let uvicorn answer."""
        self._phase = IDLE
        route = self._route
        if route is None:
            super().on_message_complete()
            return
        began = perf_counter()
        self._route = None
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        reply = self._answer(route, body)
        if reply is None:
            self._go_uvicorns_way()
            super().on_body(body)
            super().on_message_complete()
            return
        self._write(reply, mark_of(self._given))
        self._since = perf_counter()
        self._desk.count(route, reply.status, self._since - began)

    def on_response_complete(self) -> None:
        """Note when uvicorn's way was done."""
        self._since = perf_counter()
        super().on_response_complete()

    def shutdown(self) -> None:
        """Answer what is under way or arrives in this moment, then close."""
        self._is_leaving = True
        if self._is_answering():
            super().shutdown()
        else:
            self.loop.call_later(FAREWELL_S, self._leave)

    def _is_usual(self, given: Given) -> bool:
        parser = self.parser
        return (
            int(given.get(b"content-length", -1)) in _LENGTHS
            and parser.get_method() == b"POST"
            and b"expect" not in given
            and ENCODING not in given
            and not self.flow.write_paused
            and not self._is_answering()
            and not is_event(given)
            and not parser.should_upgrade()
            and parser.get_http_version() == "1.1"
        )

    def _answer(self, route: Route, body: bytes) -> Reply | None:
        try:
            return self._desk.now(route, body, self._given)
        except CloudEvent:
            return None
        except Exception as error:  # noqa: BLE001 - uvicorn's way meets it again, and logs it
            logger.debug("express lane: %r", error)
            return None

    def _write(self, reply: Reply, mark: bytes | None = None) -> None:
        stays = not self._is_leaving and self.parser.should_keep_alive()
        status, body, headers = reply
        if status == 200 and headers is PLAIN and stays:
            head = self._plain_head()
        else:
            head = _head(status, [*self.server_state.default_headers, *headers])
            if not stays:
                head += b"connection: close\r\n"
        if mark is not None:
            head = b"%bx-request-id: %b\r\n" % (head, mark)
        self.transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body))
        self.server_state.total_requests += 1
        if not stays:
            self.transport.close()

    def _plain_head(self) -> bytes:
        """Return the head of the usual answer; uvicorn makes a new list for each second."""
        defaults = self.server_state.default_headers
        if defaults is not self._dated:
            self._dated, self._plain = defaults, _head(200, [*defaults, *PLAIN])
        return self._plain

    def _go_uvicorns_way(self) -> None:
        """Do what was put off: the scope, and the task that answers."""
        headers, url = self.headers, self.url
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        super().on_headers_complete()
        if self._is_leaving and self.cycle is not None:
            self.cycle.keep_alive = False

    def _is_answering(self) -> bool:
        """Say whether uvicorn's way has an answer under way."""
        return self.cycle is not None and not self.cycle.response_complete

    def _look_again(self) -> None:
        """Close where nothing is asked or a request does not come on; otherwise look later."""
        limits = self._desk.limits
        waited = perf_counter() - self._since
        if self._phase != IDLE:
            left = limits.request_s - waited
        else:
            left = limits.request_s if self._is_answering() else limits.idle_s - waited
        if left > 0:
            self._watch = self.loop.call_later(min(left, limits.request_s), self._look_again)
        elif self._phase != IDLE:
            self._time_out()
        else:
            self.transport.close()

    def _time_out(self) -> None:
        others = self.pipeline or (self._phase == HEAD and self._is_answering())
        if others or (self._is_answering() and self.cycle.response_started):
            # Bytes of ours would look like the answer to another request.
            self.transport.close()
            return
        self._is_leaving = True
        seconds = self._desk.limits.request_s
        self._write(failure(408, f"The request was not whole within {seconds:g} s; send it again."))

    def _leave(self) -> None:
        if self._phase == IDLE and not self._is_answering():
            self.transport.close()


def _head(status: int, headers: Headers) -> bytes:
    return STATUS_LINE[status] + b"".join([b"%b: %b\r\n" % header for header in headers])
