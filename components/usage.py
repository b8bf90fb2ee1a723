"""What a step uses while it works: cores, memory, what it writes, and the GPUs beside it.

Counted is the step, its process and those below it: in a pod the machine would be the whole node,
and on a laptop the platform serves beside it. That, and the seconds that a step here takes, are why
MLflow's own monitor is not used: it counts the machine, looks every ten seconds, drops what is
younger than one look when it is ended, and asks the store about the run each time.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from components import gpus, telling

if TYPE_CHECKING:
    import psutil

TRAIN, TUNE = "train", "tune"
"""What is watched, as MLflow names it; every other step is over in a second or two."""
EVERY_S = 0.5
SPARSER = 100
"""A look comes after a hundredth of the time that has passed, and takes a hundredth of a core at
most: of an hour there are some five hundred."""
FILE = "KANARYA_USAGE"
"""The variable that names the file of what each step used; unset where nobody reads it."""
Series = Mapping[str, Sequence[float]]
"""Samples as columns: `at`, and each value by its name."""


@dataclass(frozen=True)
class Reading:
    """What a process and those below it have used until now; bytes and seconds."""

    cpu_s: float = 0.0
    memory: float = 0.0
    written: float = 0.0


@dataclass(frozen=True)
class Sample:
    """One look, at `at` seconds since 1970; values by name, with their unit."""

    number: int
    at: float
    values: Mapping[str, float]


def reading() -> Reading:
    """Return what this process uses now, with those below it."""
    import psutil

    own = psutil.Process()
    with suppress(psutil.Error):
        below = own.children(recursive=True)
        parts = [_of(own, _resident), *(_of(each, _private) for each in below)]
        return Reading(
            sum(part.cpu_s for part in parts), sum(part.memory for part in parts), parts[0].written
        )
    return Reading()


def _of(process: psutil.Process, memory: Callable[[psutil.Process], float]) -> Reading:
    """Return what one process uses, with the time of its children that have ended."""
    import psutil

    with suppress(psutil.Error), process.oneshot():
        times = process.cpu_times()
        ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
        return Reading(times.user + times.system + ended, memory(process), _written(process))
    return Reading()  # it has ended meanwhile


def _resident(process: psutil.Process) -> float:
    return float(process.memory_info().rss)


def _private(process: psutil.Process) -> float:
    """Return the memory that is its alone: what it was forked with is its parent's already."""
    return float(process.memory_full_info().uss)


def _written(process: psutil.Process) -> float:
    """Return the bytes that went to a disk; 0 where the system does not count them."""
    import psutil

    if hasattr(process, "io_counters"):
        with suppress(psutil.Error, OSError, NotImplementedError):
            return float(process.io_counters().write_bytes)
    return 0.0


@dataclass
class Usage:
    """The samples of one step, which begins now; `look` takes one where it is due.

    `spent`: the processor's seconds of this thread, which say what looking costs.
    """

    read: Callable[[], Reading] = reading
    clock: Callable[[], float] = time.time
    spent: Callable[[], float] = time.thread_time
    samples: list[Sample] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Take the reading that the first sample is compared with."""
        self._began = self._at = self.clock()
        self._first = self._last = self.read()
        self._due = self._began

    @property
    def pause_s(self) -> float:
        """The seconds until the next sample is due."""
        return max(0.0, self._due - self.clock())

    def look(self, *, last: bool = False) -> None:
        """Take a sample, unless it is too early; the last one of a step never is."""
        now = self.clock()
        if now < self._due and not last:
            return
        before = self.spent()
        found = self.read()
        values = _values(found, self._last, self._first, now - self._at)
        self.samples.append(Sample(len(self.samples), now, values))
        self._last, self._at = found, now
        cost = self.spent() - before
        self._due = now + max(EVERY_S, (now - self._began) / SPARSER, cost * SPARSER)

    def total(self) -> dict[str, float]:
        """Return the seconds that it took so far, those of processors, and the most memory."""
        most = max((each.values["memory_megabytes"] for each in self.samples), default=0.0)
        return {
            "seconds": round(self._at - self._began, 3),
            "cpu_s": round(self._last.cpu_s - self._first.cpu_s, 3),
            "memory_mb": most,
        }


def _values(now: Reading, before: Reading, first: Reading, seconds: float) -> dict[str, float]:
    """Return what there is to tell of a reading, `seconds` after the one before."""
    worked = max(0.0, now.cpu_s - before.cpu_s)  # a process that ended takes its time with it
    return {
        "cpu_cores": round(worked / seconds, 3) if seconds > 0 else 0.0,
        "memory_megabytes": round(now.memory / 1e6, 1),
        "disk_written_megabytes": round(max(0.0, now.written - first.written) / 1e6, 3),
        **_disk(),
        **gpus.reader()(),
    }


def _disk() -> dict[str, float]:
    with suppress(OSError):  # the folder may be gone; that is for the step to find out
        return {"disk_available_megabytes": round(shutil.disk_usage(Path.cwd()).free / 1e6)}
    return {}


def series(samples: Sequence[Sample], most: int = 100) -> dict[str, list[float]]:
    """Return at most so many samples as columns, evenly chosen: a step's parameter is short."""
    every = -(-len(samples) // most)
    chosen = samples[::-1][::every][::-1] if every > 1 else samples
    names = dict.fromkeys(name for each in chosen for name in each.values)
    columns = {name: [each.values.get(name, 0.0) for each in chosen] for name in names}
    return {"at": [round(each.at, 3) for each in chosen], **columns}


def samples_of(columns: Series) -> list[Sample]:
    """Return the samples that `series` wrote."""
    names = [name for name in columns if name != "at"]
    return [
        Sample(number, at, {name: columns[name][number] for name in names})
        for number, at in enumerate(columns.get("at", ()))
    ]


def keep_looks(samples: Sequence[Sample]) -> None:
    """Add a line for each look at this step to the file that the environment names."""
    _add({"at": round(each.at, 3), "values": dict(each.values)} for each in samples)


def keep(usage: Usage) -> None:
    """Add a line with what this step used in all to the file that the environment names."""
    _add([usage.total()])


def _add(records: Iterable[Mapping[str, object]]) -> None:
    """Add lines about this step; a disk that is full fails it elsewhere, or not at all."""
    place = os.environ.get(FILE)
    if place:
        step = os.environ.get(telling.STEP, "")
        lines = [json.dumps({"step": step, **each}) + "\n" for each in records]
        with suppress(OSError), Path(place).open("a", encoding="utf-8") as file:
            file.write("".join(lines))
