"""One revision's process: started, watched, started again, and ended gently."""

from __future__ import annotations

import asyncio
import logging
import signal
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from serving.errors import KanaryaError
from serving.local import launching
from serving.local.backoff import Backoff
from serving.local.launching import Launch
from serving.local.observed import READY, STARTING, Observed, Phase
from serving.local.probing import Address, answers
from serving.local.revisions import RevisionSpec
from serving.local.sockets import LOOPBACK

logger = logging.getLogger(__name__)

Fetch = Callable[[str], Awaitable[Path]]


@dataclass(frozen=True)
class Timing:
    """The waits of the processes, in seconds."""

    poll_s: float = 0.05  # between two probes while a model loads
    watch_s: float = 1.0  # between two probes of one that is ready
    probe_timeout_s: float = 2.0
    misses: int = 3  # failed probes in a row that make a ready one unhealthy
    hung_s: float = 30.0  # unhealthy for so long: it is started again
    load_s: float = 600.0  # Knative's progress deadline
    grace_s: float = 10.0  # between SIGTERM and SIGKILL
    backoff: Backoff = field(default_factory=Backoff)


@dataclass(frozen=True)
class Surroundings:
    """What a process needs of the world around it."""

    launch: Launch
    fetch: Fetch
    logs: Path
    timing: Timing
    changed: Callable[[RevisionSpec], None]
    tell: Callable[[RevisionSpec, str, str], None]  # reason and message of a warning


class Runner:
    """Keeps the process of one revision alive until it is stopped."""

    def __init__(self, spec: RevisionSpec, around: Surroundings) -> None:
        """Start the process as soon as the event loop gets to it."""
        self.spec, self._around, self._timing = spec, around, around.timing
        self.observed: Observed = STARTING
        self.address: Address | None = None
        self._port, self._ready_at = 0, None  # type: int, float | None
        self._log = around.logs / spec.namespace / f"{spec.revision}.log"
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End the process: SIGTERM, and SIGKILL for one that does not heed it."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        backoff, loop = self._timing.backoff, asyncio.get_running_loop()
        while True:
            self._ready_at = None
            try:
                directory = await self._around.fetch(self.spec.storage_uri)
                await self._live(replace(self.spec, model_dir=directory))
            except KanaryaError as error:
                self._see(Observed(Phase.FAILED, "ModelLoadFailed", str(error)))
            except OSError as error:
                self._see(self._not_started(error))
            except Exception as error:  # or nobody would ever try it again
                logger.exception("%s", self.spec.key)
                self._see(self._not_started(error))
            healthy_s = loop.time() - self._ready_at if self._ready_at else 0.0
            wait, backoff = backoff.after(healthy_s)
            why = f"Back-off restarting revision {self.spec.revision}: {self.observed.message}"
            self._around.tell(self.spec, "BackOff", why)
            await asyncio.sleep(wait)

    def _not_started(self, error: Exception) -> Observed:
        said = f"{self.spec.storage_uri} could not be fetched or started: {error}."
        return Observed(Phase.FAILED, "ModelLoadFailed", said)

    async def _live(self, spec: RevisionSpec) -> None:
        """Run the process from its start to its end, whatever ends it."""
        start = launching.size_of(self._log)
        process, self._port = await launching.spawn(
            self._around.launch, spec, self._port, self._log
        )
        watching = asyncio.ensure_future(self._watch((LOOPBACK, self._port)))
        ended = asyncio.ensure_future(process.wait())
        try:
            await asyncio.wait({watching, ended}, return_when=asyncio.FIRST_COMPLETED)
            self._see(self._died(process, start) if ended.done() else watching.result())
        finally:
            watching.cancel()
            await self._end(process)
            await ended

    async def _watch(self, address: Address) -> Observed:
        """Probe for as long as it makes sense; return why the process must be ended."""
        if not await self._loaded(address):
            message = f"The model was not ready after {self._timing.load_s:g} s; see {self._log}."
            return Observed(Phase.FAILED, "ProgressDeadlineExceeded", message)
        self._ready_at = asyncio.get_running_loop().time()
        self._see(READY, address)
        return await self._kept(address)

    async def _loaded(self, address: Address) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timing.load_s
        while not await self._answers(address):
            if loop.time() > deadline:
                return False
            await asyncio.sleep(self._timing.poll_s)
        return True

    async def _kept(self, address: Address) -> Observed:
        """Watch a process that was ready; return once it has hung for too long."""
        loop, misses = asyncio.get_running_loop(), 0
        answered = loop.time()
        silent = f"The predictor has not answered {self._timing.misses} probes in a row."
        hung = Observed(Phase.UNHEALTHY, "Unresponsive", silent)
        while misses < self._timing.misses or loop.time() - answered < self._timing.hung_s:
            await asyncio.sleep(self._timing.watch_s)
            if await self._answers(address):
                misses, answered = 0, loop.time()
                self._see(READY, address)
            else:
                misses += 1
                if misses >= self._timing.misses:
                    self._see(hung)
        return hung

    async def _answers(self, address: Address) -> bool:
        return await answers(address, self.spec.service, self._timing.probe_timeout_s)

    def _died(self, process: Process, log_start: int) -> Observed:
        code = process.returncode or 0
        said = launching.last_line(self._log, log_start) or f"it wrote nothing to {self._log}"
        if code < 0:  # what it wrote before is not why it ended
            said = f"The process was ended by {_named(-code)}; its log is {self._log}."
        exit_code = 128 - code if code < 0 else code  # as a shell counts
        phase = Phase.UNHEALTHY if self._ready_at else Phase.FAILED
        return Observed(phase, f"ExitCode{exit_code}", said, exit_code)

    async def _end(self, process: Process) -> None:
        self._see(self.observed)
        if process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(self._timing.grace_s):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def _see(self, observed: Observed, address: Address | None = None) -> None:
        """Keep what is seen now, and pass it on where it is new."""
        if (observed, address) != (self.observed, self.address):
            self.observed, self.address = observed, address
            self._around.changed(self.spec)


def _named(number: int) -> str:
    """Return a signal's name; the real-time ones have none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
