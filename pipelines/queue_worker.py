"""A worker: takes runs from the queue and carries them out, one after the other, until none waits.

Ctrl-C in its process group is how a run ends early: its steps are in that group, and end as they do
in a terminal. Somebody's cancel and `kanarya down` both come down to it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

from pipelines import asked as asking
from pipelines import attempts, queue_recovery, queue_rules
from pipelines.asked import Asked, Place
from pipelines.errors import QueueError, RunError
from pipelines.journal import FAILED, WAITING, RunFolder, Step
from pipelines.local import CHECKOUT
from pipelines.queue import Queue
from pipelines.warm import Steps, steps
from serving.errors import KanaryaError

if TYPE_CHECKING:
    from serving.settings import Settings

Execute = Callable[[Asked, Place, Steps], object]
LOOK_S = 0.25
"""Between two looks at whether somebody has cancelled the run, or the model's tail is free."""
GRACE_S = 8.0
"""For a step to clean up; the server of warm steps gives it four."""

log = logging.getLogger(__name__)


def work(settings: Settings, execute: Execute) -> None:
    """Carry out runs until none may be begun, or until SIGTERM."""
    Worker(settings, execute).run()


class Worker:
    """The one worker of this process, which leads a process group of its own."""

    def __init__(self, settings: Settings, execute: Execute) -> None:
        self._queue = Queue(settings, self._carry_out)
        self._execute = execute
        self._requeue = queue_rules.requeue_asked()
        self._room = contextlib.ExitStack()
        self._warm: Steps | None = None
        self._stopping = False
        self._inside = False

    def run(self) -> None:
        """Take one run after the other."""
        if os.getpgrp() != os.getpid():
            os.setpgrp()
        signal.signal(signal.SIGTERM, self._told_to_stop)
        wanted = self._wanted()
        with self._room:
            while not self._stopping and self._wanted() == wanted and self._queue.take():
                pass
        self._queue.close()

    def _wanted(self) -> tuple[int, int]:
        """Return for whom and beside how many we work: once it changes, another takes over.

        Our part of the cores was reckoned with that number, and `kanarya down` may have ended all
        that the supervisor knew.
        """
        return os.getppid(), self._queue.workers()

    def _told_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        if self._inside:
            os.killpg(os.getpgrp(), signal.SIGINT)

    def _carry_out(self, run_id: str) -> None:
        try:
            with self._interruptible(run_id):
                self._attempt(run_id)
            self._queue.store.end(run_id)
        except KeyboardInterrupt:
            self._interrupted(run_id)
        except (KanaryaError, OSError) as error:
            self._failed(run_id, str(error))
        except Exception as error:
            log.exception("%s", run_id)
            self._stopping = True  # whatever it was, the next run gets a process without it
            self._failed(run_id, f"{type(error).__name__}: {error}")

    def _attempt(self, run_id: str) -> None:
        folder = self._queue.folder(run_id)
        if folder.ended:
            return
        if self._cancelled(run_id) or self._stopping:
            raise KeyboardInterrupt
        asked = asking.read(folder)
        self._clear(folder)
        if self._warm is None:
            self._warm = self._room.enter_context(steps(CHECKOUT))
        self._execute(asked, Place(folder, attempts.key(folder), self._turn(run_id)), self._warm)

    def _clear(self, folder: RunFolder) -> None:
        """Put aside what is there of a run that the database, before a power failure, knew begun.

        Raises RunError where it must not be begun again.
        """
        if not (folder.path / "logs").exists():
            return
        kills = attempts.kills(folder) + 1
        found = queue_rules.verdict(folder.run_id, folder.steps(), kills, self._requeue)
        if not found.again:
            raise RunError(found.sentence)
        attempts.put_aside(folder, killed=True, sentence=found.sentence)

    def _failed(self, run_id: str, sentence: str) -> None:
        if self._queue.folder(run_id).ended:  # the run itself has said so
            self._queue.store.end(run_id)
        else:
            queue_recovery.close(self._queue, run_id, FAILED, sentence)

    def _interrupted(self, run_id: str) -> None:
        """Settle a run that was cancelled or stopped, once its steps have ended."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self._stopping = True
        self._queue.close()  # with what the interrupt has left of a transaction
        self._room.close()
        _wait_for_children()
        claim = next((c for c in self._queue.store.claims() if c.run_id == run_id), None)
        if claim:
            found = queue_rules.stopped(run_id, self._queue.folder(run_id).steps())
            queue_recovery.settle(self._queue, claim, found, killed=False)

    @contextlib.contextmanager
    def _interruptible(self, run_id: str) -> Iterator[None]:
        """Have the body interrupted as by Ctrl-C once somebody cancels the run."""
        done, guard = threading.Event(), threading.Lock()

        def watch() -> None:
            while not done.wait(LOOK_S):
                if self._cancelled(run_id):
                    with guard:
                        if not done.is_set():
                            os.killpg(os.getpgrp(), signal.SIGINT)
                    return

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        self._inside = True
        try:
            yield
        finally:
            self._inside = False
            with guard:
                done.set()

    def _cancelled(self, run_id: str) -> bool:
        try:
            claims = self._queue.store.claims()
        except QueueError:
            return False  # of a damaged database nobody knows; the run goes on
        return any(each.run_id == run_id and each.cancelled_by for each in claims)

    def _turn(self, run_id: str) -> Callable[[str], None]:
        """Return what waits, before the first step of the tail, until the tail is the run's."""

        def before(step: str) -> None:
            if step not in queue_rules.TAIL:
                return
            began = None
            while not self._my_turn(run_id):
                if began is None:
                    began = time.time()
                    self._queue.folder(run_id).append(Step(step, WAITING, began))
                time.sleep(LOOK_S)

        return before

    def _my_turn(self, run_id: str) -> bool:
        """Say whether the tail is the run's; where nobody knows, it waits until somebody does."""
        try:
            if self._queue.store.enter_tail(run_id) is None:
                return True
            queue_recovery.recover(self._queue, self._requeue)
        except KanaryaError as error:  # the database is damaged: its repair will know this run
            log.error("%s waits: %s", run_id, error)
            self._queue.close()
        return False


def _wait_for_children() -> None:
    import psutil

    children = psutil.Process().children(recursive=True)
    _, left = psutil.wait_procs(children, timeout=GRACE_S)
    for each in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
