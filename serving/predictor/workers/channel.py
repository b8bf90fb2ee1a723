"""Messages between the parent and a worker, over a pair of sockets."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from typing import Any

_LENGTH = struct.Struct("!I")
_PIECE = 65536

Message = tuple[str, Any]
"""What kind of message it is, and what it says: JSON values."""


class Closed(Exception):
    """The other end is gone; every message that it sent has been returned before."""


class Channel:
    """One end; it never blocks. What cannot be sent yet waits until `flush` is called again."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self._in = bytearray()
        self._out = bytearray()

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._end.fileno()

    @property
    def has_more(self) -> bool:
        """Whether `flush` has something left to send."""
        return bool(self._out)

    def send(self, kind: str, content: Any = None) -> None:
        """Send a message, now or with later calls of `flush`."""
        text = json.dumps([kind, content]).encode()
        self._out += _LENGTH.pack(len(text)) + text
        self.flush()

    def flush(self) -> None:
        """Send what the other end has room for."""
        with contextlib.suppress(BlockingIOError):
            while self._out:
                try:
                    del self._out[: self._end.send(self._out)]
                except (BrokenPipeError, ConnectionResetError):
                    self._out.clear()  # reading says that it is gone

    def receive(self) -> list[Message]:
        """Return the messages that have arrived; raise `Closed` after the last one."""
        is_open = self._take()
        found = []
        while (message := self._next()) is not None:
            found.append(message)
        if not found and not is_open:
            raise Closed
        return found

    def close(self) -> None:
        """Close this end."""
        self._end.close()

    def _take(self) -> bool:
        """Take what has arrived; return whether more may come."""
        try:
            while piece := self._end.recv(_PIECE):
                self._in += piece
        except BlockingIOError:
            return True
        except ConnectionResetError:
            pass
        return False

    def _next(self) -> Message | None:
        end = _LENGTH.size
        if len(self._in) >= end:
            end += _LENGTH.unpack_from(self._in)[0]
            if len(self._in) >= end:
                kind, content = json.loads(self._in[_LENGTH.size : end])
                del self._in[:end]
                return kind, content
        return None
