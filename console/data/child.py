"""Ask in a process of its own what needs a heavy library: the console itself stays small."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from serving.errors import KanaryaError, PlatformError
from serving.settings import Settings

T = TypeVar("T")
IDLE_S = 60.0
"""So long a process is kept for the next question."""
LONGEST_S, LONGEST_WHY = 150.0, 300
"""Seconds that an answer may take; characters of what broke a question."""
LOG = logging.getLogger("kanarya.console")


def in_child(
    settings: Settings,
    ask: Callable[..., T],
    *arguments: object,
    limit_s: float | None = LONGEST_S,
) -> T:
    """Return what a function of a module returns; it takes some seconds, so call it in a thread.

    The process is there for this question alone. Raises what `Child.ask` does.
    """
    child = Child(settings)
    try:
        return child.ask(ask, *arguments, limit_s=limit_s)
    finally:
        child.end()


class Child:
    """A process that is asked again and again, one question at a time; it ends when none comes.

    It begins with the first question, and the next one after its end begins another.
    """

    def __init__(self, settings: Settings, idle_s: float = IDLE_S) -> None:
        self._given = (settings.environment(), idle_s)
        self._reused_s = idle_s / 2
        self._lock = threading.Lock()
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._used = float("-inf")

    def ask(
        self, ask: Callable[..., T], *arguments: object, limit_s: float | None = LONGEST_S
    ) -> T:
        """Return what a function of a module returns; what it raises is raised here.

        A limit of None is for what takes as long as it must, e.g. because it copies data.
        Raises PlatformError where the process dies, or is ended because it takes too long.
        """
        with self._lock:
            try:
                told, value = self._told((ask, arguments), limit_s)
            except (EOFError, ConnectionError) as error:
                self._drop()
                raise _died(ask) from error
        if not told:
            raise value
        found: T = value
        return found

    def end(self) -> None:
        """End the process; the next question begins another."""
        with self._lock:
            self._drop()

    def _told(self, question: tuple[Any, ...], limit_s: float | None) -> tuple[bool, Any]:
        connection = self._ready()
        connection.send(question)
        if not connection.poll(limit_s):
            self._drop()
            raise _late(question[0], limit_s)
        told, value = connection.recv()
        self._used = time.monotonic()
        return told, value

    def _ready(self) -> Connection:
        """Return the way to the process; one that may be about to end is not asked any more."""
        if self._connection is not None and time.monotonic() - self._used < self._reused_s:
            return self._connection
        self._drop()
        return self._begun()

    def _begun(self) -> Connection:
        start = get_context("spawn")
        self._connection, theirs = start.Pipe()
        # A daemon, so that the console's end is not held up by a question.
        self._process = start.Process(target=_answering, args=(theirs, *self._given), daemon=True)
        self._process.start()
        theirs.close()
        return self._connection

    def _drop(self) -> None:
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            process.join()


def _answering(connection: Connection, environment: Mapping[str, str], idle_s: float) -> None:
    """Answer questions until none comes for a while, or nobody is there to ask."""
    _prepared(environment)
    try:
        while connection.poll(idle_s):
            ask, arguments = connection.recv()
            connection.send(_answer(ask, arguments))
    except (EOFError, ConnectionError, KeyboardInterrupt):
        return


def _answer(ask: Callable[..., T], arguments: tuple[object, ...]) -> tuple[bool, object]:
    try:
        return True, ask(*arguments)
    except (KanaryaError, OSError) as error:
        return False, error
    except Exception as error:  # the next question may be answered; the log says what it was
        LOG.exception("%s broke", ask.__name__)
        why = f"{type(error).__name__}: {error}"[:LONGEST_WHY]
        return False, PlatformError(f"{ask.__module__}.{ask.__name__} broke ({why})")


def _late(ask: Callable[..., object], limit_s: float | None) -> PlatformError:
    return PlatformError(
        f"there was no answer to {ask.__module__}.{ask.__name__} within {limit_s:.0f} s; "
        "`kanarya doctor` tries MLflow and the cluster"
    )


def _died(ask: Callable[..., object]) -> PlatformError:
    return PlatformError(
        f"the process that was asked for {ask.__module__}.{ask.__name__} died; "
        "try again once the machine has memory left"
    )


def _prepared(environment: Mapping[str, str]) -> None:
    os.environ.update(environment)
