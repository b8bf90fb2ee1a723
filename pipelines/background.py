"""Processes that `kanarya up` starts in the background: found again, begun again, ended.

Each notes itself in the home while it runs. One that ends in order takes its note away; a note
whose process is gone tells that it was killed, and whoever looks begins it again.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import processes
from pipelines.processes import Process
from serving import priority
from serving.errors import PlatformError, UsageError
from serving.local import record

if TYPE_CHECKING:
    from serving.settings import Settings

START_S, STOP_S = 20.0, 10.0
LOOK_S, LONGEST_S = 2.0, 300.0
"""Between two looks at whether it lives; what cannot start is tried ever more seldom."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """A process that runs, and the address to open in a browser, where it has one."""

    process: Process
    url: str = ""


@dataclass(frozen=True)
class Background:
    """One kind of process, of which a home has one: its name, its program, what switches it off."""

    name: str
    program: tuple[str, ...]
    switch: str

    def wanted(self, env: Mapping[str, str] | None = None) -> bool:
        """Say whether `kanarya up` starts it: not where its switch is 0. Raises UsageError."""
        text = (os.environ if env is None else env).get(self.switch) or "1"
        if text not in ("0", "1"):
            raise UsageError(
                f"{self.switch} is {text!r}: 0 starts no {self.name}, 1 (the default) starts one."
            )
        return text == "1"

    def up(self, settings: Settings) -> Standing:
        """Return the one of this home; start it where there is none.

        It returns as soon as it has noted itself. Raises PlatformError where it does not start.
        """
        with self._alone(settings):
            return self.status(settings) or self._started(settings)

    def down(self, settings: Settings) -> bool:
        """End the one of this home, and say whether there was one."""
        if not self.note(settings.home).exists():
            return False
        with self._alone(settings):
            found = self.status(settings)
            self.note(settings.home).unlink(missing_ok=True)  # first: nobody is to begin it again
            if found is None:
                return False
            _signalled(found.process, signal.SIGTERM)
            if not _within(STOP_S, lambda: not found.process.lives()):
                _signalled(found.process, signal.SIGKILL)
            return True

    def status(self, settings: Settings) -> Standing | None:
        """Return the one of this home that runs now."""
        found = self.noted_last(settings.home)
        return found if found and found.process.lives() else None

    def note(self, home: Path) -> Path:
        """Return the file that says which process it is, and where it answers."""
        return home / "services" / f"{self.name}.json"

    def log(self, settings: Settings) -> Path:
        """Return the file of what it says."""
        return record.made(settings.home / "logs") / f"{self.name}.log"

    @contextlib.contextmanager
    def noted(self, settings: Settings, url: str = "") -> Iterator[None]:
        """Note that this process is the one, for as long as it is."""
        this = Standing(processes.this(), url)
        path = record.services(settings) / self.note(settings.home).name
        partial = path.with_suffix(f".{this.process.pid}.partial")
        partial.write_text(json.dumps({**asdict(this.process), "url": url}), encoding="utf-8")
        partial.replace(path)
        try:
            yield
        finally:
            if self.noted_last(settings.home) == this:
                path.unlink(missing_ok=True)

    def noted_last(self, home: Path) -> Standing | None:
        """Return the last one that noted itself and has not ended in order; it may be dead."""
        try:
            known = json.loads(self.note(home).read_text(encoding="utf-8"))
            url = known.pop("url")
            return Standing(Process(**known), url)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begun_again(
        self, settings: Settings, environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start it in place of one that was killed, unless somebody starts it just now.

        Raises PlatformError, which is no matter to whoever looks again.
        """
        with self._alone(settings, wait=False):
            return self._spawned(settings, environment)

    def _alone(
        self, settings: Settings, wait: bool = True
    ) -> contextlib.AbstractContextManager[None]:
        lock = self._lock(settings)
        return record.locked(lock, wait=wait, whose=f"what starts the {self.name}")

    def _lock(self, settings: Settings) -> Path:
        return record.services(settings) / f"{self.name}-up.lock"

    def _spawned(
        self, settings: Settings, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        from serving.local import launching

        places = os.pathsep.join(filter(None, [str(launching.ROOT), os.environ.get("PYTHONPATH")]))
        inherited = {**os.environ, **settings.environment(), "PYTHONPATH": places}
        with self.log(settings).open("ab") as output:
            return priority.start(
                self.program,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=settings.home,
                env={**inherited, **(environment or {})},
                start_new_session=True,
            )

    def _started(self, settings: Settings) -> Standing:
        from serving.local import launching  # not for who only looks: it brings asyncio

        start = launching.size_of(self.log(settings))
        process = self._spawned(settings)
        try:
            _within(
                START_S, lambda: self.status(settings) is not None or process.poll() is not None
            )
            found = self.status(settings)
            if found is None:
                said = launching.last_line(self.log(settings), start) or "it wrote nothing"
                raise PlatformError(f"{said.removeprefix('kanarya: ')} (see {self.log(settings)})")
        except BaseException:
            process.terminate()  # nobody would find it again: it has not noted itself
            raise
        return found


WATCHER = Background("watcher", (sys.executable, "-P", "-m", "pipelines.watching"), "KANARYA_WATCH")


@dataclass
class Keeper:
    """Begins a killed one again; the supervisor of the queue's workers asks it to look.

    `again`: what the new one is told (environment) of the one that was killed.
    """

    what: Background
    settings: Settings
    again: Callable[[Standing], Mapping[str, str]] = lambda killed: {}
    _not_before: float = 0.0
    _pause_s: float = LOOK_S
    _child: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def look(self) -> None:
        """Begin it again where it was killed; it is not waited for."""
        now = time.monotonic()
        if now < self._not_before:
            return
        self._not_before = now + LOOK_S
        found = self.what.noted_last(self.settings.home)
        if found is None or found.process.lives():
            self._pause_s = LOOK_S
            return
        if self._child is None or self._child.poll() is not None:  # else it has not come so far yet
            self._begin_again(found, now)

    def _begin_again(self, found: Standing, now: float) -> None:
        with contextlib.suppress(PlatformError, OSError):
            self._child = self.what.begun_again(self.settings, self.again(found))
            log.info(
                "the %s (pid %d) was killed; it is begun again", self.what.name, found.process.pid
            )
            self._not_before = now + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_S)


def _signalled(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
