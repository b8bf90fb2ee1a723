"""The console as `kanarya up` starts it: in the background, found again, begun again, ended.

A console that runs notes its process and its address in the home. One that ends in order takes its
note away; a note whose process is gone tells that it was killed, and whoever looks begins it again.
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
from urllib.parse import urlsplit

from console.settings import PORT_VARIABLE
from pipelines import processes
from pipelines.processes import Process
from serving.errors import PlatformError, UsageError
from serving.local import launching, record

if TYPE_CHECKING:
    from serving.settings import Settings

SWITCH = "KANARYA_CONSOLE"
PROGRAM = (sys.executable, "-P", "-m", "console")
START_S, STOP_S = 20.0, 10.0
LOOK_S, LONGEST_S = 2.0, 300.0
"""Between two looks at whether it lives; a console that cannot start is tried ever more seldom."""

log = logging.getLogger("pipelines.console")


@dataclass(frozen=True)
class Standing:
    """A console that runs: its process, and the address to open in a browser."""

    process: Process
    url: str


def wanted(env: Mapping[str, str] | None = None) -> bool:
    """Say whether `kanarya up` starts a console: not with KANARYA_CONSOLE=0. Raises UsageError."""
    text = (os.environ if env is None else env).get(SWITCH) or "1"
    if text not in ("0", "1"):
        raise UsageError(f"{SWITCH} is {text!r}: 0 starts no console, 1 (the default) starts one.")
    return text == "1"


def up(settings: Settings) -> Standing:
    """Return the console of this home; start it in the background where there is none.

    It returns as soon as the console listens. Raises PlatformError where it does not start.
    """
    with _alone(settings):
        return status(settings) or _started(settings)


def down(settings: Settings) -> bool:
    """End the console of this home, and say whether there was one."""
    if not note(settings.home).exists():
        return False
    with _alone(settings):
        found = status(settings)
        note(settings.home).unlink(missing_ok=True)  # first: nobody is to begin it again
        if found is None:
            return False
        _signalled(found.process, signal.SIGTERM)
        if not _within(STOP_S, lambda: not found.process.lives()):
            _signalled(found.process, signal.SIGKILL)
        return True


def status(settings: Settings) -> Standing | None:
    """Return the console of this home that runs now."""
    found = _noted(settings.home)
    return found if found and found.process.lives() else None


def note(home: Path) -> Path:
    """Return the file that says which process is the console of a home, and where it answers."""
    return home / "services" / "console.json"


@contextlib.contextmanager
def noted(settings: Settings, url: str) -> Iterator[None]:
    """Note that this process is the console, for as long as it is."""
    this = Standing(processes.this(), url)
    path = record.services(settings) / note(settings.home).name
    partial = path.with_suffix(f".{this.process.pid}.partial")
    partial.write_text(json.dumps({**asdict(this.process), "url": url}), encoding="utf-8")
    partial.replace(path)
    try:
        yield
    finally:
        if _noted(settings.home) == this:
            path.unlink(missing_ok=True)


@dataclass
class Keeper:
    """Begins a killed console again; the supervisor of the queue's workers asks it to look."""

    settings: Settings
    _not_before: float = 0.0
    _pause_s: float = LOOK_S
    _child: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def look(self) -> None:
        """Begin the console again where it was killed; it is not waited for."""
        now = time.monotonic()
        if now < self._not_before:
            return
        self._not_before = now + LOOK_S
        found = _noted(self.settings.home)
        if found is None or found.process.lives():
            self._pause_s = LOOK_S
            return
        with contextlib.suppress(PlatformError, OSError), _alone(self.settings, wait=False):
            self._begin_again(found, now)

    def _begin_again(self, found: Standing, now: float) -> None:
        if self._child is not None and self._child.poll() is None:
            return  # it has not come so far yet
        log.info("the console (pid %d) was killed; it is begun again", found.process.pid)
        port = str(urlsplit(found.url).port)  # open pages find it where it was
        self._child = _spawned(self.settings, {PORT_VARIABLE: port})
        self._not_before = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_S)


def _noted(home: Path) -> Standing | None:
    try:
        known = json.loads(note(home).read_text(encoding="utf-8"))
        return Standing(Process(known["pid"], known["create_time"]), known["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _alone(settings: Settings, wait: bool = True) -> contextlib.AbstractContextManager[None]:
    lock = record.services(settings) / "console-up.lock"
    return record.locked(lock, wait=wait, whose="what starts the console")


def _spawned(
    settings: Settings, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    places = os.pathsep.join(filter(None, [str(launching.ROOT), os.environ.get("PYTHONPATH")]))
    inherited = {**os.environ, **settings.environment(), "PYTHONPATH": places}
    with _log(settings).open("ab") as output:
        return subprocess.Popen(
            PROGRAM,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=settings.home,
            env={**inherited, **(environment or {})},
            start_new_session=True,
        )


def _started(settings: Settings) -> Standing:
    start = launching.size_of(_log(settings))
    process = _spawned(settings)
    _within(START_S, lambda: status(settings) is not None or process.poll() is not None)
    found = status(settings)
    if found is None:
        said = launching.last_line(_log(settings), start) or "it wrote nothing"
        raise PlatformError(f"{said.removeprefix('kanarya: ')} (see {_log(settings)})")
    return found


def _log(settings: Settings) -> Path:
    return record.made(settings.home / "logs") / "console.log"


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
