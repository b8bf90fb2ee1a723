"""A way to a server on loopback that breaks off answers, so many times."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Cutting:
    """Listens on a port of its own; hangs up when `at` bytes of answers went by, `cuts` times.

    `carried`: bytes of all answers; `after`: is called once, when `at` bytes went by.
    """

    def __init__(self, port: int, cuts: int = 0, at: int = 100_000) -> None:
        self._to, self.cuts, self.at, self.carried = port, cuts, at, 0
        self._since = 0
        self.after: Callable[[], object] | None = None
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                for way in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._carry, args=way, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while content := source.recv(1 << 14):
                self._since += len(content) if answers else 0
                if answers and self.after and self._since > self.at:
                    after, self.after = self.after, None
                    after()
                if answers and self.cuts and self._since > self.at:
                    self.cuts, self._since = self.cuts - 1, 0
                    break
                self.carried += len(content) if answers else 0
                target.sendall(content)
        for side in (source, target):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
