"""All predictor processes of this machine, by revision."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from serving.local.launching import Launch, launching
from serving.local.observed import STOPPED, Observed
from serving.local.probing import Address
from serving.local.revisions import RevisionSpec
from serving.local.runner import Runner, Surroundings, Timing
from serving.storage import fetch

Changed = Callable[[RevisionSpec], None]
Tell = Callable[[RevisionSpec, str, str], None]


class Backends(Protocol):
    """Who is told at once where a revision answers, or that it does not."""

    def set_backend(self, revision_key: str, address: Address | None) -> None:
        """Send a revision's requests there; None: it does not answer."""


@dataclass(frozen=True)
class Places:
    """Where the processes' files are."""

    logs: Path
    cache: Path


class Processes:
    """Starts and stops predictors; a change is told to the gateway first, then to `changed`."""

    def __init__(
        self,
        places: Places,
        backends: Backends,
        launch: Launch | None = None,
        timing: Timing | None = None,
    ) -> None:
        """Run no process yet."""
        self._places, self._backends = places, backends
        self._launch, self._timing = launch or launching(), timing or Timing()
        self._runners: dict[str, Runner] = {}
        self._ending: dict[Runner, asyncio.Task[None]] = {}
        self._fetches: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._changed: Changed = lambda spec: None
        self._tell: Tell = lambda spec, reason, message: None

    def listen(self, changed: Changed, tell: Tell) -> None:
        """Report changes of processes, and warnings about them, from now on."""
        self._changed, self._tell = changed, tell

    def ensure(self, spec: RevisionSpec) -> None:
        """Have a process run for this revision; one that runs with the same spec is left alone."""
        running = self._runners.get(spec.key)
        if running and running.spec == spec:
            return
        self.stop(spec.key)
        around = Surroundings(
            launch=self._launch,
            fetch=self._fetch,
            logs=self._places.logs,
            timing=self._timing,
            changed=self._report,
            tell=lambda about, reason, message: self._tell(about, reason, message),
        )
        self._runners[spec.key] = Runner(spec, around)

    def stop(self, key: str) -> None:
        """Begin to end a revision's process; requests that it has taken are answered first."""
        runner = self._runners.pop(key, None)
        if runner is None:
            return
        self._backends.set_backend(key, None)
        task = asyncio.get_running_loop().create_task(runner.stop())
        self._ending[runner] = task
        task.add_done_callback(lambda _: self._ending.pop(runner, None))
        self._changed(runner.spec)

    def observed(self, key: str) -> Observed:
        """Return how a revision's process is doing."""
        runner = self._runners.get(key)
        return runner.observed if runner else STOPPED

    def running(self) -> frozenset[str]:
        """Return the revisions that have a process."""
        return frozenset(self._runners)

    async def close(self) -> None:
        """End every process and wait until all have ended."""
        for key in list(self._runners):
            self.stop(key)
        await asyncio.gather(*self._ending.values())

    def _report(self, spec: RevisionSpec) -> None:
        runner = self._runners.get(spec.key)
        if runner is None:
            return  # it is being ended, and nobody asks for it any more
        self._backends.set_backend(spec.key, runner.address)
        self._changed(spec)

    async def _fetch(self, uri: str) -> Path:
        """Return the local directory of a model; two that want the same one fetch it once."""
        destination = self._places.cache / sha256(uri.encode()).hexdigest()
        async with self._fetches[uri]:
            if destination.exists():
                return destination
            return await asyncio.to_thread(fetch, uri, destination)
