"""The collector of feedback beside the predictors: started when somebody first asks for it.

The platform holds the listening socket, and starts the process when a connection comes in; one
that dies is started by the next connection, which waits meanwhile. Who sends no feedback has no
process for it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process, create_subprocess_exec
from collections.abc import Sequence
from pathlib import Path

from serving.local import launching
from serving.local.backoff import Backoff
from serving.local.sockets import LOOPBACK, bound, port_of

COLLECTOR = (sys.executable, "-P", "-m", "serving.feedback")
BACKLOG = 128
GRACE_S = 5.0

log = logging.getLogger("kanarya.feedback")


class Collecting:
    """A socket on loopback, and the process behind it for as long as there is one."""

    def __init__(self, folder: Path, logs: Path, command: Sequence[str] = COLLECTOR) -> None:
        """Listen; `folder` is where the feedback is kept. Nothing is started yet."""
        self._folder, self._log, self._command = folder, logs / "feedback.log", command
        self._listener = bound()
        self._listener.listen(BACKLOG)
        self.process: Process | None = None

    @property
    def url(self) -> str:
        """Return the address; a namespace and a model's name follow it."""
        return f"http://{LOOPBACK}:{port_of(self._listener)}"

    async def run(self) -> None:
        """Start the process whenever it is asked for and is not there, until cancelled."""
        backoff, loop = Backoff(), asyncio.get_running_loop()
        try:
            while True:
                await _readable(self._listener)
                began = loop.time()
                try:
                    self.process = await self._start()
                    code = await self.process.wait()
                    log.warning("the collector ended with %s; see %s", code, self._log)
                except OSError as error:
                    log.error("the collector cannot be started: %s", error)
                wait, backoff = backoff.after(loop.time() - began)
                await asyncio.sleep(wait)
        finally:
            await self._end()

    async def _start(self) -> Process:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        launching.size_of(self._log)  # moves a long one aside
        path = os.pathsep.join(filter(None, [str(launching.ROOT), os.environ.get("PYTHONPATH")]))
        flags = [f"--folder={self._folder}", f"--listen_fd={self._listener.fileno()}"]
        with self._log.open("ab") as output:
            return await create_subprocess_exec(
                *self._command,
                *flags,
                "--exit_with_parent",
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                pass_fds=(self._listener.fileno(),),
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,
            )

    async def _end(self) -> None:
        self._listener.close()
        process = self.process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(GRACE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _readable(listener: socket.socket) -> None:
    """Return when a connection waits."""
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(listener.fileno(), came.set)
    try:
        await came.wait()
    finally:
        loop.remove_reader(listener.fileno())
