"""One HTTP GET that is bounded in time and in size, and goes nowhere else. No proxy, no redirect.

A timeout of a socket is about one read: a server that sends a byte a second would be waited for
for ever. Here the whole answer, headers included, has one deadline.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

LARGEST = 32 << 20
"""Bytes: a gateway's page of more than a thousand services."""
SHOWN = 80


class Unreadable(Exception):
    """There is nothing to count; the message says what, where and what to do, for people."""


@dataclass(frozen=True)
class Limits:
    """How long and how large an answer may be, and what to say where a login is asked for."""

    timeout_s: float = 2.0
    largest: int = LARGEST
    login: str = "let this process read it without a login"


@dataclass(frozen=True)
class Credentials:
    """What a request carries along, and the certificates that are trusted."""

    headers: Mapping[str, str] = field(default_factory=dict)
    context: ssl.SSLContext | None = None


NOBODY = Credentials()


def fetch(url: str, limits: Limits, credentials: Credentials = NOBODY) -> bytes:
    """Return the body of a 200, whole. Raises Unreadable for everything else."""
    until = time.monotonic() + limits.timeout_s
    try:
        connection = _connection(url, limits.timeout_s, credentials.context)
        try:
            return _asked(connection, url, until, (limits, credentials))
        finally:
            connection.close()
    except TimeoutError as error:
        raise Unreadable(
            f"no whole answer from {shown(url)} within {limits.timeout_s:g} s; "
            "see whether it is overloaded"
        ) from error
    except (OSError, HTTPException, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Unreadable(
            f"no metrics from {shown(url)} ({why[:SHOWN]}); see whether it is up and reachable"
        ) from error


def shown(url: str) -> str:
    """Return an address without its query, and without what might be a secret."""
    bare = url.split("?")[0].rsplit("@")[-1]
    return bare if len(bare) <= SHOWN else bare[: SHOWN - 1] + "…"


def _connection(url: str, timeout_s: float, context: ssl.SSLContext | None) -> HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http address")
    if parts.username or parts.password:
        raise ValueError("a password in an address shows in logs, so it is not used")
    if parts.scheme == "https":
        return HTTPSConnection(parts.hostname, parts.port, timeout=timeout_s, context=context)
    return HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)


def _asked(
    connection: HTTPConnection, url: str, until: float, given: tuple[Limits, Credentials]
) -> bytes:
    limits, credentials = given
    connection.connect()
    with cast(socket.socket, connection.sock) as sock:
        # http.client asks three things of a socket: sendall, makefile and close.
        cast(Any, connection).sock = _Paced(sock, until, limits.largest)
        connection.request("GET", _target(urlsplit(url)), headers=_headers(credentials))
        with connection.getresponse() as answer:
            _check(answer, url, limits)
            return answer.read()


def _headers(credentials: Credentials) -> dict[str, str]:
    plain = {"Accept": "text/plain, application/json;q=0.9", "Connection": "close"}
    return {**plain, **credentials.headers}


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _check(answer: HTTPResponse, url: str, limits: Limits) -> None:
    """Raise Unreadable unless the answer is a 200 that is no web page."""
    status, where = answer.status, shown(url)
    if status in (401, 403):
        raise Unreadable(f"{where} answers {status}: it wants a login; {limits.login}")
    if 300 <= status < 400:
        elsewhere = shown(answer.headers.get("Location", "elsewhere"))
        raise Unreadable(f"{where} answers {status}, a redirect to {elsewhere}; give the address")
    if "html" in answer.headers.get("Content-Type", ""):
        raise Unreadable(f"{where} answers {status} with a web page; give the address of metrics")
    if status != 200:
        said = answer.read(200).decode("utf-8", "replace")
        what = f"{status} ({' '.join(said.split())[:SHOWN] or answer.reason})"
        raise Unreadable(f"{where} answers {what}; see its log")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise Unreadable(f"{where} answers compressed, unasked; see what stands before it")


class _Paced:
    """A socket whose answer must be whole before a moment and below a size."""

    def __init__(self, sock: socket.socket, until: float, largest: int) -> None:
        self._sock, self._until, self._largest = sock, until, largest

    def sendall(self, data: bytes) -> None:
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Stream(self._sock, self._until, self._largest), 1 << 16)

    def close(self) -> None:
        """Do nothing: the socket is closed when the answer has been read."""


class _Stream(io.RawIOBase):
    def __init__(self, sock: socket.socket, until: float, largest: int) -> None:
        self._sock, self._until, self._room = sock, until, largest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        count = self._sock.recv_into(buffer)
        self._room -= count
        if self._room < 0:
            raise ValueError("it is larger than any page of metrics")
        return count
