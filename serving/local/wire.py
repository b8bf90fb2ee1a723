"""The heads of requests and answers, as bytes: what is passed on, what is added."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Header = tuple[bytes, bytes]

# RFC 9110 7.6.1; these speak of one connection, and each side of the gateway has its own.
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# Naming these in Connection would let a client change where a body ends or who is asked.
NEVER_DROPPED = frozenset({b"content-length", b"host"})
FORWARDED = frozenset({b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"})
LAST_CHUNK = b"0\r\n\r\n"


@dataclass(frozen=True)
class Origin:
    """Whom a request came from, as the gateway saw it."""

    address: bytes
    host: bytes


def end_to_end(headers: Sequence[Header]) -> list[Header]:
    """Return the headers that are meant for the far end, in their order and spelling."""
    dropped = HOP_BY_HOP
    for name, value in headers:
        if name.lower() == b"connection":
            named = {token.strip().lower() for token in value.split(b",")}
            dropped |= named - NEVER_DROPPED
    return [header for header in headers if header[0].lower() not in dropped]


def first(headers: Iterable[Header], wanted: bytes) -> bytes:
    """Return a header's first value by its lower-case name, b"" if it is missing."""
    return next((value for name, value in headers if name.lower() == wanted), b"")


def request_head(method: str, path: str, headers: Sequence[Header]) -> bytes:
    """Return a request's head, its target exactly as the client wrote it."""
    line = f"{method} {path} HTTP/1.1".encode("utf-8", "surrogateescape")
    return _head(line, headers)


def request_headers(headers: Sequence[Header], origin: Origin) -> list[Header]:
    """Return the headers for the backend: the client's own, and where they came from.

    What an outer proxy said about the client is kept; this hop is added at the end of the list.
    `Expect` is answered by the gateway, so it does not travel.
    """
    hops = [value for name, value in headers if name.lower() == b"x-forwarded-for"]
    kept = [h for h in end_to_end(headers) if h[0].lower() not in FORWARDED | {b"expect"}]
    if not any(name.lower() == b"host" for name, _ in kept):
        kept.append((b"Host", origin.host))
    kept.append((b"x-forwarded-for", b", ".join([*hops, origin.address])))
    kept.append((b"x-forwarded-proto", first(headers, b"x-forwarded-proto") or b"http"))
    kept.append((b"x-forwarded-host", first(headers, b"x-forwarded-host") or origin.host))
    return kept


def relocated(headers: Iterable[Header], host: bytes, prefix: bytes) -> list[Header]:
    """Return an answer's headers with `prefix` in front of the path of a Location on `host`.

    Who sits behind the gateway does not know what the client's paths begin with.
    """
    here = (b"http://" + host, b"")

    def located(name: bytes, value: bytes) -> bytes:
        origin = next((each for each in here if value.startswith(each + b"/")), None)
        if name.lower() != b"location" or origin is None or value.startswith(b"//"):
            return value
        return origin + prefix + value.removeprefix(origin)

    return [(name, located(name, value)) for name, value in headers]


def response_head(status: int, reason: bytes, headers: Sequence[Header]) -> bytes:
    """Return an answer's head."""
    return _head(b"HTTP/1.1 %d %b" % (status, reason), headers)


def chunk(data: bytes) -> bytes:
    """Return data as one chunk of a body of unknown length; nothing for no data."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def _head(line: bytes, headers: Iterable[Header]) -> bytes:
    lines = [line, *(b"%b: %b" % header for header in headers), b"\r\n"]
    return b"\r\n".join(lines)
