"""What the platform and its predictors take of the machine, as lines for Prometheus.

On a cluster each predictor tells this itself, and Prometheus asks each pod. Here one page has all.
Reading it looks at every process of the machine (some milliseconds), so it is read when the whole
page is asked for; a rollout, which asks five times a second, asks for one service.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from serving.local.gateway_metrics import family
from serving.local.launching import REVISION

if TYPE_CHECKING:
    import psutil


@dataclass(frozen=True)
class Taken:
    """Bytes of memory and seconds of processors; of several processes they add up."""

    memory: float = 0.0
    cpu_s: float = 0.0

    def __add__(self, other: Taken) -> Taken:
        """Return what both take."""
        return Taken(self.memory + other.memory, self.cpu_s + other.cpu_s)


def lines(home: Path) -> Iterator[str]:
    """Yield the lines on this process, its predictors by revision, and the disk of its home."""
    import psutil

    platform = psutil.Process()
    own = _taken(platform)
    yield family("process_resident_memory_bytes", "gauge", "Memory of the platform's process")
    yield f"process_resident_memory_bytes {own.memory}"
    yield family("process_cpu_seconds_total", "counter", "Time of processors of the same")
    yield f"process_cpu_seconds_total {own.cpu_s}"
    yield from _of_revisions(_by_revision(platform))
    yield from _of_disk(home)


def _by_revision(platform: psutil.Process) -> Mapping[str, Taken]:
    """Return what the predictors take, by the revision that each was started for."""
    import psutil

    found: defaultdict[str, Taken] = defaultdict(Taken)
    for process in platform.children(recursive=True):
        with suppress(psutil.Error):  # it has ended meanwhile
            revision = process.environ().get(REVISION, "")
            if revision:
                found[revision] += _taken(process)
    return found


def _taken(process: psutil.Process) -> Taken:
    with process.oneshot():
        times = process.cpu_times()
        return Taken(float(process.memory_info().rss), times.user + times.system)


def _of_revisions(found: Mapping[str, Taken]) -> Iterator[str]:
    memory, seconds = "kanarya_revision_memory_bytes", "kanarya_revision_cpu_seconds_total"
    yield family(memory, "gauge", "Memory of a revision's processes")
    yield from (f'{memory}{{revision="{name}"}} {each.memory}' for name, each in found.items())
    yield family(seconds, "counter", "Time of processors of a revision's processes")
    yield from (f'{seconds}{{revision="{name}"}} {each.cpu_s}' for name, each in found.items())


def _of_disk(home: Path) -> Iterator[str]:
    disk = shutil.disk_usage(home)
    yield family("kanarya_disk_free_bytes", "gauge", "Free on the file system of the home")
    yield f"kanarya_disk_free_bytes {float(disk.free)}"
    yield family("kanarya_disk_size_bytes", "gauge", "Size of the file system of the home")
    yield f"kanarya_disk_size_bytes {float(disk.total)}"
