"""What the benchmarks share: this machine in words, memory of a process tree, one line of JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENDS_S = 30


@dataclass(frozen=True)
class Finished:
    """A command that ended: how, how long it took, how much memory its processes held at most."""

    code: int
    seconds: float
    peak_mb: float
    output: str


def machine() -> str:
    """Return the machine in words: name, processor, cores, memory, Python."""
    import psutil

    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{platform.node()}: {_processor()}, {psutil.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def timed(command: list[str], environment: Mapping[str, str], *, memory: bool = False) -> Finished:
    """Run a command and return its time and, if asked, the peak memory of all that it started.

    Memory is the proportional set size summed over the tree of processes, daemons included,
    looked at four times a second; looking costs time, so it is off where only time counts.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env=dict(environment), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    watch = _Watch(process.pid, environment["KANARYA_HOME"])
    if memory:
        watch.start()
    try:
        output, _ = process.communicate()
    except KeyboardInterrupt:
        _ended(process)
        sys.exit("stopped")
    seconds = time.perf_counter() - began
    return Finished(process.returncode, seconds, watch.stop(), output)


def _ended(process: subprocess.Popen[str]) -> None:
    """Let a command end that Ctrl-C has reached too: it still takes down what it has started."""
    try:
        process.wait(ENDS_S)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()


def beside(home: str) -> dict[str, str]:
    """Return the environment of an installation that meets no other: its home, ports, checkout."""
    ports = {"KANARYA_API_PORT": "0", "KANARYA_GATEWAY_PORT": "0"}
    return {**os.environ, "KANARYA_HOME": home, "PYTHONPATH": str(ROOT), **ports}


def kanarya(
    words: Sequence[str], environment: Mapping[str, str], *, memory: bool = False
) -> Finished:
    """Run a command of `kanarya` and return what it took; its exit code is the caller's."""
    return timed([sys.executable, "-m", "scripts", *words], environment, memory=memory)


def program(code: str, arguments: Sequence[str], home: Path) -> Finished:
    """Run Python code in a process of its own and return what it took, memory too."""
    environment = {**os.environ, "KANARYA_HOME": str(home / "home")}
    return checked(timed([sys.executable, "-c", code, *arguments], environment, memory=True))


def checked(done: Finished) -> Finished:
    """Return what ended well; what did not ends the benchmark with its output."""
    if done.code:
        sys.exit(f"exit code {done.code}:\n{done.output}")
    return done


def report(bench: str, ratios: Mapping[str, float], figures: Mapping[str, object]) -> None:
    """Print the machine, a table of the single figures, and the line that other programs read."""
    print(f"\n{machine()}")
    for name, value in {**figures, **{f"{k} (ratio)": v for k, v in ratios.items()}}.items():
        if isinstance(value, Mapping):
            continue  # a table of its own, which who measured it has printed
        shown = f"{value:10.3f}" if isinstance(value, float) else f"{value!s:>10}"
        print(f"  {name:<44} {shown}")
    print(line(bench, ratios, figures))


def line(bench: str, ratios: Mapping[str, float | None], figures: Mapping[str, object]) -> str:
    """Return the line that other programs read.

    A ratio is None (null) where one of its sides was not there to be measured.
    """
    rounded = {key: None if v is None else round(v, 3) for key, v in ratios.items()}
    return json.dumps({"bench": bench, "ratios": rounded, "figures": dict(figures)})


class _Watch(threading.Thread):
    def __init__(self, pid: int, home: str) -> None:
        super().__init__(daemon=True)
        self._pid, self._home = pid, home
        self._done = threading.Event()
        self._peak = 0.0

    def run(self) -> None:
        while not self._done.wait(0.25):
            self._peak = max(self._peak, sum(_held(pid) for pid in _tree(self._pid, self._home)))

    def stop(self) -> float:
        self._done.set()
        if self.is_alive():
            self.join()
        return self._peak


def _tree(pid: int, home: str) -> set[int]:
    """Return the command, all below it, and the daemons that serve the same home."""
    import psutil

    found: set[int] = set()
    for process in psutil.process_iter(["pid", "cmdline"]):
        daemon = any(home in part for part in process.info["cmdline"] or [])
        if process.info["pid"] == pid or daemon:
            try:
                found |= {process.pid, *(child.pid for child in process.children(recursive=True))}
            except psutil.NoSuchProcess:
                continue
    return found


def _held(pid: int) -> float:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0.0
    line = next((line for line in rollup.splitlines() if line.startswith("Pss:")), "Pss: 0 kB")
    return int(line.split()[1]) / 1024


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "unknown")
