"""A process that has imported the heavy libraries and forks for each step of a local run.

Importing scikit-learn, pandas, MLflow and the converter costs a step two to four seconds, more than
its work. Here they are imported once, while the first steps run on the other core; a step is then
a fork that runs the very command kfp.local asked for, in a process of its own.

Forking is safe as long as only imports have happened: no store is open, no pool of threads has
begun to work, and the threads that libraries keep in the background (jemalloc) expect forks.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from collections import deque
from dataclasses import dataclass, field
from typing import Any

GRACE_S = 4.0


@dataclass
class Server:
    """The listening socket, what is still to be imported, and the steps that run."""

    listener: socket.socket
    todo: deque[str]
    waiting: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    running: set[int] = field(default_factory=set)
    asked_to_end: dict[int, float] = field(default_factory=dict)  # and when (`time.monotonic`)
    orphaned: bool = False

    def serve(self) -> None:
        """Fork for requests, import in between; return when the parent and its steps are gone."""
        self.waiting.register(self.listener, selectors.EVENT_READ, self._accept)
        self.waiting.register(sys.stdin.fileno(), selectors.EVENT_READ, self._parent_gone)
        while self.running or not self.orphaned:
            ready = self.waiting.select(self._patience())
            for key, _ in ready:
                key.data(key.fileobj)
            self._kill_what_stays()
            if self.todo and not self.orphaned:
                _import(self.todo.popleft())

    def _patience(self) -> float | None:
        if self.todo and not self.orphaned:
            return 0
        if not self.asked_to_end:
            return None
        return max(0.0, min(self.asked_to_end.values()) + GRACE_S - time.monotonic())

    def _ask_to_end(self, pid: int) -> None:
        """Let a step clean up after itself: killed at once it would leave what is half written."""
        if pid not in self.asked_to_end:
            self.asked_to_end[pid] = time.monotonic()
            os.kill(pid, signal.SIGINT)

    def _kill_what_stays(self) -> None:
        for pid, asked in self.asked_to_end.items():
            if time.monotonic() >= asked + GRACE_S:
                os.kill(pid, signal.SIGKILL)

    def _accept(self, listener: socket.socket) -> None:
        client, _ = listener.accept()
        length, descriptors, _, _ = socket.recv_fds(client, 8, 3)
        if len(length) < 8:
            client.close()
            return
        with client.makefile("rb") as stream:
            request = json.loads(stream.read(int.from_bytes(length, "big")))
        pid = os.fork()
        if pid == 0:
            self.listener.close()
            _become(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        with contextlib.suppress(OSError):  # killed already; that is noticed below
            client.sendall(f"{pid}\n".encode())
        self.running.add(pid)
        # A pidfd becomes readable when the process ends, however it ends.
        self.waiting.register(
            os.pidfd_open(pid), selectors.EVENT_READ, lambda fd: self._ended(fd, pid, client)
        )
        self.waiting.register(client, selectors.EVENT_READ, lambda _: self._asker_gone(pid, client))

    def _ended(self, descriptor: Any, pid: int, client: socket.socket) -> None:
        self.waiting.unregister(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        self.running.remove(pid)
        self.asked_to_end.pop(pid, None)
        with contextlib.suppress(KeyError):
            self.waiting.unregister(client)
        # Whoever asked may have been killed; the step is over all the same.
        with contextlib.suppress(OSError):
            client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
        client.close()

    def _asker_gone(self, pid: int, client: socket.socket) -> None:
        """End a step that nobody waits for: its run has failed and must not go on in secret."""
        if pid in self.running:
            self.waiting.unregister(client)
            self._ask_to_end(pid)

    def _parent_gone(self, stdin: Any) -> None:
        """End the steps of a run that was stopped or killed; a moment is theirs to clean up."""
        if not os.read(stdin, 1):
            self.waiting.unregister(stdin)
            self.waiting.unregister(self.listener)
            self.orphaned = True
            for pid in self.running:
                self._ask_to_end(pid)


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except ImportError:
        logging.getLogger(__name__).debug("not installed: %s", name)


def _interrupted_once(*_: object) -> None:
    """Raise KeyboardInterrupt the first time only.

    Ctrl-C comes from the terminal, and again from the server when whoever waited for the step has
    gone: the second must not break off the cleaning up that the first began.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Be the process that was asked for; never return."""
    status = 1
    try:
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        signal.signal(signal.SIGINT, _interrupted_once)
        status = _run_module(request["arguments"])
    except BaseException:  # noqa: BLE001 - the border of a process: told as Python tells it
        traceback.print_exc()
    finally:
        _leave(status)


def _run_module(arguments: list[str]) -> int:
    """Do what `python3 -m MODULE ARGUMENTS…` does; return its exit status."""
    if not arguments or arguments[0] != "-m":
        raise ValueError(f"only `-m MODULE …` is known here, not {arguments}")
    _, module, *rest = arguments
    sys.argv = [module, *rest]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return _status(end.code)
    return 0


def _status(code: object) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1


def _leave(status: int) -> None:
    import atexit

    threading._shutdown()  # type: ignore[attr-defined]  # join what the step left running
    atexit._run_exitfuncs()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # not through the server's own frames


def main() -> None:
    """Serve on a socket (first argument), having imported the rest, until stdin closes."""
    os.environ["_KFP_RUNTIME"] = "true"  # the light half of kfp, as in every step
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, and that ends us
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen(16)
    Server(listener, deque(sys.argv[2:])).serve()
    os._exit(0)  # taking a thousand modules apart would cost a second


if __name__ == "__main__":
    main()
