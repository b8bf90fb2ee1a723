"""The parent: opens the port when all workers are ready, watches them, gathers their metrics."""

from __future__ import annotations

import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType

from serving.errors import PlatformError
from serving.predictor.listening import address
from serving.predictor.workers.board import Board
from serving.predictor.workers.census import Census
from serving.predictor.workers.channel import Closed, Message
from serving.predictor.workers.crew import SIGNALS, Crew, Task, Worker
from serving.predictor.workers.doorway import Doorway
from serving.predictor.workers.lives import Lives

TICK_S = 0.5
RETRY_S = 0.02
GRACE_S = 35.0
"""How long workers may drain; KServe gives a request 30 s."""
ORPHAN_GRACE_S = 5.0


class WorkersFailed(PlatformError):
    """The workers cannot be kept alive; has the exit code of the last one that said why."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


class Supervisor:
    """Runs `task` in `count` processes that share the bound `listener`.

    Nobody listens until every worker has been ready once. `orphaned` says whether the process
    that started this one, and wanted it to end with itself, is gone.
    """

    def __init__(
        self, listener: socket.socket, count: int, task: Task, orphaned: Callable[[], bool]
    ) -> None:
        self._count, self._orphaned = count, orphaned
        self._crew = Crew(Board(count), task)
        self._doorway = Doorway(listener, self._crew)
        self._census = Census(count)
        self._lives = dict.fromkeys(range(count), Lives())
        self._due = dict.fromkeys(range(count), 0.0)
        self._is_ending = False
        self._kill_at = float("inf")
        self._failure: WorkersFailed | None = None
        self._woken, self._waker = socket.socketpair()

    def run(self) -> None:
        """Serve until SIGTERM, then drain; raise `WorkersFailed` where the workers die at once."""
        self._heed_signals()
        while self._due or self._crew.alive:
            now = time.monotonic()
            self._hire_due(now)
            self._answer_scrapes(now)
            self._end_late(now)
            self._doorway.hand_on()
            self._attend(self._wait(self._pause(now)))
        if self._failure:
            raise self._failure

    def _heed_signals(self) -> None:
        for end in (self._woken, self._waker):
            end.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for sign in SIGNALS:
            signal.signal(sign, self._stop)

    def _stop(self, _: int, __: FrameType | None) -> None:
        self._is_ending = True

    def _hire_due(self, now: float) -> None:
        for number in [number for number, due in self._due.items() if due <= now]:
            del self._due[number]
            ours = [self._doorway.listener, *self._doorway.held, self._woken, self._waker]
            self._crew.hire(number, ours)

    def _answer_scrapes(self, now: float) -> None:
        for result in self._census.done(now):
            if asker := self._crew.alive.get(result.asker):
                asker.channel.send("metrics", [result.word, result.report])

    def _end_late(self, now: float) -> None:
        """End what was asked to end, and what did not do so in time."""
        if self._orphaned() and self._kill_at > now + ORPHAN_GRACE_S:
            self._is_ending, self._kill_at = True, now + ORPHAN_GRACE_S
        if self._is_ending and not self._doorway.is_closed:
            self._kill_at = min(self._kill_at, now + GRACE_S)
            self._drain()
        if now >= self._kill_at:
            for worker in self._crew.alive.values():
                worker.end(signal.SIGKILL)

    def _drain(self) -> None:
        """Take no more connections; workers end when they have answered what they have."""
        self._due.clear()
        self._doorway.close()
        for worker in self._crew.alive.values():
            # One that still loads a model has nothing to answer.
            if not worker.is_ready:
                worker.end(signal.SIGTERM)
            worker.dismiss()

    def _pause(self, now: float) -> float:
        """Return how many seconds nothing can happen by itself."""
        ends = [*self._due.values(), now + TICK_S]
        if self._census.until is not None:
            ends.append(self._census.until)
        if self._doorway.held:
            ends.append(now + RETRY_S)
        return max(min(ends) - now, 0.0)

    def _wait(self, seconds: float) -> set[int]:
        """Return the descriptors where something happened."""
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        if self._doorway.is_wanted:
            poll.register(self._doorway.listener, select.POLLIN)
        for worker in self._crew.alive.values():
            more = select.POLLOUT if worker.channel.has_more else 0
            poll.register(worker.channel, select.POLLIN | more)
            if worker.on_the_way:
                poll.register(worker.door, select.POLLIN)
        return {descriptor for descriptor, _ in poll.poll(seconds * 1000)}

    def _attend(self, happened: set[int]) -> None:
        if self._woken.fileno() in happened:
            self._woken.recv(4096)
        for worker in list(self._crew.alive.values()):
            if worker.door.fileno() in happened:
                worker.acknowledge()
            if worker.channel.fileno() in happened:
                self._listen_to(worker)
        # Only now, so that nothing goes to a worker that is known to be gone.
        if self._doorway.is_open and self._doorway.listener.fileno() in happened:
            self._doorway.accept()

    def _listen_to(self, worker: Worker) -> None:
        worker.channel.flush()
        try:
            for message in worker.channel.receive():
                self._heed(worker, message)
        except Closed:
            self._bury(worker)

    def _heed(self, worker: Worker, message: Message) -> None:
        match message:
            case "ready", name:
                self._welcome(worker, name)
            case "failed", (sentence, exit_code):
                worker.failure = (sentence, exit_code)
            case "leaving", _:
                worker.dismiss()
            case "scrape", word:
                asked = self._crew.ready
                numbers = [each.number for each in asked]
                self._census.ask(worker.number, word, numbers, time.monotonic())
                for each in asked:
                    each.channel.send("report")
            case "report", report:
                self._census.tell(worker.number, report)

    def _welcome(self, worker: Worker, name: str) -> None:
        worker.is_ready = not self._is_ending
        if self._doorway.is_open or len(self._crew.ready) < self._count:
            return
        self._doorway.open()
        where = address(self._doorway.listener)
        print(f"{name} on {where}, {self._count} workers", file=sys.stderr, flush=True)

    def _bury(self, worker: Worker) -> None:
        """Decide what follows from the end of a worker."""
        del self._crew.alive[worker.number]
        self._census.bury(worker.number)
        ended = worker.bury()
        self._doorway.held.extend(worker.on_the_way)
        if self._is_ending:
            return
        now, number = time.monotonic(), worker.number
        why = worker.failure or (_ending(number, ended), max(ended, 1))
        self._lives[number] = lives = self._lives[number].after(now - worker.born)
        if lives.is_hopeless or not self._doorway.is_open:
            self._failure, self._is_ending = WorkersFailed(*why), True
            return
        print(f"error: {why[0]} It is started again.", file=sys.stderr, flush=True)
        self._census.restart()
        self._due[number] = now + lives.wait_s


def _ending(number: int, code: int) -> str:
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"Worker {number + 1} {how}; what it said last stands above."
