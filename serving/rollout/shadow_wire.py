"""One revision, asked one row at a time in KServe's V2 protocol, or V1 where it has no V2."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from serving.rollout.shadow_answers import Answer, Protocol, answer_of, body_of
from serving.rollout.shadow_rows import Row

LONGEST_ANSWER = 1 << 20
_SHOWN = 80
_PIECE = 1 << 16
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What an answer makes of whoever reads it: the last two are numbers and lists without an end."""


@dataclass(frozen=True)
class Refusal:
    """Why a row was not answered; `reached`: whether anybody was there to say so."""

    reason: str
    reached: bool = True


class Revision:
    """A revision at its own address, with one connection that stays open."""

    def __init__(self, url: str, model: str, timeout_s: float) -> None:
        """Remember where it is; nothing is asked yet."""
        parts = urlsplit(url)
        connection = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._http = connection(parts.netloc, timeout=timeout_s)
        self._base = parts.path.rstrip("/")
        self._model, self._timeout_s = model, timeout_s
        self._protocol: Protocol = "v2"
        self._columns: tuple[str, ...] = ()

    def greet(self) -> Sequence[str]:
        """Return the columns that it takes, () where it does not say; it may speak V1 only.

        Raises OSError or HTTPException where nobody is there.
        """
        status, body = self._exchange("GET", f"/v2/models/{self._model}")
        self._protocol = "v1" if 400 <= status < 500 else "v2"
        try:
            self._columns = tuple(str(each["name"]) for each in json.loads(body)["inputs"])
        except _UNREADABLE:
            self._columns = ()
        return self._columns

    def answer(self, row: Row) -> Answer | Refusal:
        """Return its answer to a row, of which it gets the columns that it takes."""
        taken = {name: row[name] for name in self._columns or row}
        path = f"/v2/models/{self._model}/infer"
        if self._protocol == "v1":
            path = f"/v1/models/{self._model}:predict"
        try:
            status, body = self._exchange("POST", path, body_of(self._protocol, taken))
            if status == 200:
                return answer_of(self._protocol, body)
        except TimeoutError as error:
            return Refusal(str(error))
        except (OSError, HTTPException) as error:
            return Refusal(str(error), reached=False)
        except _UNREADABLE as error:
            return Refusal(f"its answer cannot be read ({error})")
        return Refusal(f"{status} {body[:_SHOWN].decode(errors='replace')}")

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _exchange(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Return status and body; a connection that the other side closed is opened once more."""
        try:
            return self._once(method, path, body)
        except TimeoutError:
            raise
        except (OSError, HTTPException):
            return self._once(method, path, body)

    def _once(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        try:
            self._http.request(
                method, self._base + path, body, {"content-type": "application/json"}
            )
            answer = self._http.getresponse()
            data = b"".join(_pieces(answer, time.monotonic() + self._timeout_s))
            if answer.length == 0:
                answer.close()  # read1 leaves that to us before Python 3.13
            if not answer.isclosed():
                self._http.close()
        except (OSError, HTTPException):
            self._http.close()
            raise
        return answer.status, data


def _pieces(answer: HTTPResponse, until: float) -> Iterator[bytes]:
    """Yield the body; raise TimeoutError where it drips, since each drop is within the timeout."""
    room = LONGEST_ANSWER
    while room and (piece := answer.read1(min(room, _PIECE))):
        yield piece
        room -= len(piece)
        if time.monotonic() > until:
            raise TimeoutError("its answer was not whole in time")
