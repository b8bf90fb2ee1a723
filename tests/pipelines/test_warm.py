"""A step that forks from the warm server must be indistinguishable from one that started cold."""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from pipelines.warm import COLD, SWITCH, Steps, steps

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.thorough,  # processes of its own
    pytest.mark.skipif(
        not hasattr(os, "pidfd_open"),
        reason="the warm server needs Linux's pidfd: steps start cold",
    ),
]

TELLS = """
import json, os, sys
print(json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "name": __name__,
                  "told": os.environ.get("TOLD"), "parent": os.getppid()}))
sys.stderr.write("to stderr\\n")
"""
ENDINGS = {
    "returns": ("pass", 0),
    "exits with a number": ("import sys; sys.exit(7)", 7),
    "exits with a sentence": ("import sys; sys.exit('no')", 1),
    "raises": ("raise ValueError('wrong')", 1),
    "is killed": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
}


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on PYTHONPATH whose modules are the steps."""
    return tmp_path_factory.mktemp("modules")


@pytest.fixture(scope="module")
def warm(modules: Path) -> Iterator[Steps]:
    with steps(modules, preload=("csv", "no_such_module")) as found:
        until(lambda: found.folder is not None and (found.folder / "warm.sock").exists())
        yield found


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def begin(how: Steps, modules: Path, code: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a step as kfp.local does it: through a shell, `python3` looked up on PATH."""
    (modules / "a_step.py").write_text(code)
    path = os.pathsep.join(filter(None, [str(how.folder or ""), os.environ["PATH"]]))
    more = {"PATH": path, "PYTHONPATH": str(modules), "TOLD": "yes"}
    return subprocess.Popen(
        ["sh", "-c", 'exec python3 -m a_step "$@"', "sh", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=modules,
        env={**os.environ, **how.environment, **more},
    )


@pytest.mark.parametrize("temperature", ["warm", "cold"])
def test_arguments_environment_folder_and_streams_arrive(
    warm: Steps, modules: Path, temperature: str
) -> None:
    how = warm if temperature == "warm" else COLD
    out, err = begin(how, modules, TELLS, "a b", "c'd", "é", "x" * 100_000).communicate(timeout=60)
    said = json.loads(out)
    assert said["arguments"] == ["a b", "c'd", "é", "x" * 100_000]
    assert (said["folder"], said["name"], said["told"]) == (str(modules), "__main__", "yes")
    assert err == "to stderr\n"


@pytest.mark.parametrize("temperature", ["warm", "cold"])
@pytest.mark.parametrize(("code", "status"), ENDINGS.values(), ids=ENDINGS.keys())
def test_it_ends_as_a_process_of_its_own_ends(
    warm: Steps, modules: Path, temperature: str, code: str, status: int
) -> None:
    process = begin(warm if temperature == "warm" else COLD, modules, code)
    process.communicate(timeout=60)
    assert process.returncode == status


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder for temporary files on a disk of which nothing may be run, as hardened ones are."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # short enough for a socket
        mount = ["mount", "-t", "tmpfs", "-o", "noexec,size=1m", "none", folder]
        try:
            subprocess.run(mount, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("this user may not mount a file system: run it as root")
        monkeypatch.setattr(tempfile, "tempdir", folder)
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def test_where_temporary_files_may_not_be_run_each_step_is_an_interpreter_of_its_own(
    nothing_runs: None, modules: Path
) -> None:
    with steps(modules, preload=("csv",)) as found:
        assert found == COLD


def test_what_was_imported_is_there_and_what_a_step_changes_is_not_kept(
    warm: Steps, modules: Path
) -> None:
    code = "import sys; print('csv' in sys.modules, getattr(sys, 'mark', 0)); sys.mark = 1"
    for _ in range(2):
        out, _ = begin(warm, modules, code).communicate(timeout=60)
        assert out == "True 0\n"


def test_work_left_to_the_exit_is_done(warm: Steps, modules: Path) -> None:
    code = "import atexit, threading, time\natexit.register(print, 'at exit', flush=True)\n"
    code += "threading.Thread(target=lambda: (time.sleep(0.1), print('in a thread'))).start()"
    out, _ = begin(warm, modules, code).communicate(timeout=60)
    assert out.split("\n")[:2] == ["in a thread", "at exit"]


def test_ending_the_stand_in_ends_the_step(warm: Steps, modules: Path) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    process = begin(warm, modules, code)
    assert process.stdout is not None
    step = psutil.Process(int(process.stdout.readline()))
    process.terminate()
    assert process.wait(20) == -signal.SIGTERM
    psutil.wait_procs([step], timeout=20)
    assert not step.is_running() or step.status() == psutil.STATUS_ZOMBIE


CLEANS_UP = """
import os, time
try:
    print(os.getpid(), flush=True)
    time.sleep(60)
finally:
    print("cleaning", flush=True)
    time.sleep(0.5)
    print("clean", flush=True)
"""
STAYS = """
import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print(os.getpid(), flush=True)
time.sleep(60)
"""


def test_a_step_that_is_interrupted_twice_still_cleans_up(warm: Steps, modules: Path) -> None:
    process = begin(warm, modules, CLEANS_UP)
    assert process.stdout is not None
    step = int(process.stdout.readline())
    process.send_signal(signal.SIGINT)  # as a terminal does it: everyone is told
    os.kill(step, signal.SIGINT)
    assert process.stdout.readline() == "cleaning\n"
    os.kill(step, signal.SIGINT)
    rest, err = process.communicate(timeout=20)
    assert (rest, process.returncode) == ("clean\n", 1)
    assert err.splitlines()[-1] == "KeyboardInterrupt"


@pytest.mark.parametrize(("code", "said"), [(CLEANS_UP, "cleaning\nclean\n"), (STAYS, "")])
def test_a_step_that_nobody_waits_for_may_clean_up_and_ends(
    warm: Steps, modules: Path, code: str, said: str
) -> None:
    process = begin(warm, modules, code)
    assert process.stdout is not None
    step = psutil.Process(int(process.stdout.readline()))
    process.kill()
    assert process.stdout.read() == said  # read to its end: whoever could still write is gone
    until(lambda: not step.is_running() or step.status() == psutil.STATUS_ZOMBIE)


def test_steps_may_run_side_by_side(warm: Steps, modules: Path) -> None:
    code = "import sys, time; time.sleep(0.3); sys.exit(int(sys.argv[1]))"
    began = time.monotonic()
    both = [begin(warm, modules, code, str(number)) for number in range(4)]
    for process in both:
        process.communicate(timeout=60)
    assert [process.returncode for process in both] == [0, 1, 2, 3]
    assert time.monotonic() - began < 20


def test_without_a_server_the_step_starts_cold(modules: Path) -> None:
    with steps(modules, preload=()) as found:
        gone = found.environment | {"KANARYA_WARM_SOCKET": "/nowhere/warm.sock"}
        process = begin(Steps(gone, found.folder), modules, "print('cold')")
        assert process.communicate(timeout=60)[0] == "cold\n"


def test_it_can_be_switched_off(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "0")
    with steps(modules) as found:
        assert found == COLD


def test_the_server_ends_with_the_block(modules: Path) -> None:
    before = {p.pid for p in psutil.Process().children()}
    with steps(modules, preload=()):
        started = [p for p in psutil.Process().children() if p.pid not in before]
        assert started
    gone, _ = psutil.wait_procs(started, timeout=20)
    assert gone == started
