"""The workers as the parent sees them: forked, given connections, buried."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn, Protocol

from serving.errors import KanaryaError
from serving.predictor.workers.board import Board
from serving.predictor.workers.channel import Channel

TOKEN = b"."
"""Goes with a connection one way, and back when it was taken."""
PIECE = 4096
MOST_ON_THE_WAY = 64
"""Connections that a worker has not taken yet; more wait in the system."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)
CRASHED = 1


class Closable(Protocol):
    """A socket, or what holds one."""

    def close(self) -> None:
        """Close it in this process."""


class Place(NamedTuple):
    """What a worker has of its parent: messages, connections that come in, where it counts."""

    number: int
    parent: int
    channel: Channel
    door: socket.socket
    board: Board


Task = Callable[[Place], None]
"""What a worker does for all of its life, in a process of its own."""


@dataclass
class Worker:
    """A living process.

    `handed` counts the connections that it was given; `on_the_way` are those that it has not
    taken yet: if it dies before, somebody else gets them, and their clients notice nothing.
    """

    number: int
    pid: int
    channel: Channel
    door: socket.socket
    born: float = field(default_factory=time.monotonic)
    handed: int = 0
    on_the_way: deque[socket.socket] = field(default_factory=deque)
    is_ready: bool = False
    failure: tuple[str, int] | None = None
    """The sentence that it ended with, and its exit code."""

    def give(self, connection: socket.socket) -> None:
        """Hand over a connection; raise `OSError` where it cannot take one now."""
        socket.send_fds(self.door, [TOKEN], [connection.fileno()])
        self.on_the_way.append(connection)
        self.handed += 1

    def acknowledge(self) -> None:
        """Let go of the connections that it says it has taken."""
        # As long as we had them open too, their clients would not see it close them.
        with contextlib.suppress(OSError):
            for _ in self.door.recv(PIECE):
                self.on_the_way.popleft().close()

    def dismiss(self) -> None:
        """Let it answer what it was given; having taken the last connection, it drains and ends."""
        self.is_ready = False
        with contextlib.suppress(OSError):
            self.door.shutdown(socket.SHUT_WR)

    def end(self, sign: int) -> None:
        """Send it a signal."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, sign)

    def bury(self) -> int:
        """Return the exit code of a process that is ending; minus the number of a signal."""
        self.channel.close()
        self.door.close()
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


class Crew:
    """All workers by number; the least busy one gets the next connection."""

    def __init__(self, board: Board, task: Task) -> None:
        self.alive: dict[int, Worker] = {}
        self._board, self._task = board, task

    @property
    def ready(self) -> list[Worker]:
        """Those that take connections."""
        return [worker for worker in self.alive.values() if worker.is_ready]

    def hire(self, number: int, ours: Iterable[Closable]) -> Worker:
        """Fork a worker; it closes its copies of `ours`, which are the parent's business."""
        messages, connections = socket.socketpair(), socket.socketpair()
        self._board.clear(number)
        # A signal must not meet a child that still has its parent's handlers.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            _close([messages[0], connections[0], *ours, *self._ends()])
            place = (number, parent, Channel(messages[1]), connections[1], self._board)
            _work(self._task, Place(*place))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        _close([messages[1], connections[1]])
        connections[0].setblocking(False)
        worker = Worker(number, pid, Channel(messages[0]), connections[0])
        self.alive[number] = worker
        return worker

    def hand(self, connection: socket.socket) -> bool:
        """Give a connection to the worker with the fewest; False where nobody can take it now."""
        takers = [each for each in self.ready if len(each.on_the_way) < MOST_ON_THE_WAY]
        for worker in sorted(takers, key=self._busy):
            # A worker that is stuck, or gone, is passed over.
            with contextlib.suppress(OSError):
                worker.give(connection)
                return True
        return False

    def _busy(self, worker: Worker) -> int:
        return worker.handed - self._board.closed(worker.number)

    def _ends(self) -> Iterable[Closable]:
        for worker in self.alive.values():
            yield worker.channel
            yield worker.door
            yield from worker.on_the_way


def _close(ends: Iterable[Closable]) -> None:
    for each in ends:
        each.close()


def _work(task: Task, place: Place) -> NoReturn:
    """Be a worker; never return to what the parent was doing."""
    code = CRASHED
    try:
        signal.set_wakeup_fd(-1)
        for sign in SIGNALS:
            signal.signal(sign, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        task(place)
        code = 0
    except KanaryaError as error:
        place.channel.send("failed", [str(error), error.exit_code])
        code = error.exit_code
    except BaseException as error:  # noqa: BLE001 - the process ends here, whatever it was
        code = _code(error)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _code(error: BaseException) -> int:
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code
    traceback.print_exception(error)
    return CRASHED
