"""Which process does the work of a step, and when it is in the middle of it."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")
SERVER = "pipelines.warm_server"
CLIENT = "warm_client.py"


def family(run: subprocess.Popen[str]) -> list[psutil.Process]:
    """Everything that a command has started and that still lives."""
    try:
        return psutil.Process(run.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def worker(run: subprocess.Popen[str], step: str) -> psutil.Process | None:
    """Return the process that does the work of a step: an interpreter, or a warm server's fork."""
    lines = {process: _words(process) for process in family(run)}
    asked = [process for process, words in lines.items() if _executes(words, step)]
    if not asked:
        return None
    if not any(CLIENT in word for word in lines[asked[0]]):
        return asked[0]
    servers = {p.pid for p, words in lines.items() if SERVER in words}
    forks = [p for p in lines if p.ppid() in servers]
    return forks[0] if forks else None


def kill_midway(
    run: subprocess.Popen[str], step: str, begun: Callable[[], bool], seconds: float = 90
) -> None:
    """SIGKILL the process of a step as soon as its work has visibly begun."""
    when_midway(run, step, begun, seconds).kill()


def when_midway(
    run: subprocess.Popen[str], step: str, begun: Callable[[], bool], seconds: float = 90
) -> psutil.Process:
    """Return the process of a step as soon as its work has visibly begun."""
    try:
        end = time.monotonic() + seconds
        process = _awaited(run, lambda: worker(run, step), end, 0.02)
        _awaited(run, begun, end, 0.0005)  # some traces last for a few milliseconds only
    except AssertionError:
        run.kill()
        raise
    return process


def _awaited(run: subprocess.Popen[str], look: Callable[[], T], end: float, pause: float) -> T:
    while True:
        if found := look():
            return found
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < end, "it was not seen to begin"
        time.sleep(pause)


def alive(processes: list[psutil.Process]) -> list[str]:
    """Return the command lines of those that still live."""
    return [" ".join(_words(each))[:120] for each in processes if _lives(each)]


def newest_run(home: Path) -> Path:
    """Return the folder of the run that began last."""
    return max((home / "runs").iterdir(), key=lambda folder: folder.stat().st_mtime_ns)


def writes(home: Path, step: str, name: str) -> Callable[[], bool]:
    """Say whether a step writes an artifact now; what killed ones left does not count."""
    pattern = f"runs/*/artifacts/*/{step}/{name}.partial"
    before = set(home.glob(pattern))
    return lambda: any(found not in before for found in home.glob(pattern))


def _executes(words: list[str], step: str) -> bool:
    if "--function_to_execute" not in words or Path(words[0]).name == "sh":
        return False
    return words[words.index("--function_to_execute") + 1] == step


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
