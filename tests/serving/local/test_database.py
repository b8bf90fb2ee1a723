"""The store's file: what was stored is there after a kill, and a full disk changes nothing."""

import resource as limits
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from serving.errors import PlatformError
from serving.local.resources import INFERENCE_SERVICES
from serving.local.store import Change, Store


def isvc(name: str = "iris", percent: int = 0, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "ml", **metadata},
        "spec": {"predictor": {"canaryTrafficPercent": percent}},
    }


KILLED = """
import sys
from pathlib import Path
from serving.local.resources import INFERENCE_SERVICES
from serving.local.store import Store
store = Store(Path(sys.argv[1]))
for number in range(1_000_000):
    obj = {"metadata": {"name": f"n{number}", "namespace": "ml"}, "spec": {}}
    store.create(INFERENCE_SERVICES, obj)
    print(number, flush=True)
"""


def test_a_killed_writer_loses_nothing_that_it_was_told_is_stored(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "platform.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.readlines()
    store = Store(tmp_path / "platform.db")
    objects, version = store.list(INFERENCE_SERVICES, "ml")
    whole = [line for line in told if line.endswith("\n")]
    assert {f"n{line.strip()}" for line in whole} <= {o["metadata"]["name"] for o in objects}
    assert len(objects) == version == len(store.changes(0))
    store.close()


@contextmanager
def no_space_left() -> Iterator[None]:
    """No file of this process may grow, which SQLite meets as it meets a full disk."""
    soft, hard = limits.getrlimit(limits.RLIMIT_FSIZE)
    limits.setrlimit(limits.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        limits.setrlimit(limits.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_one_sentence_and_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "platform.db")
    made = store.create(INFERENCE_SERVICES, isvc())
    told: list[Change] = []
    store.subscribe(told.append)
    with no_space_left():
        for attempt in (
            lambda: store.create(INFERENCE_SERVICES, isvc("big", annotations={"x": "y" * 100_000})),
            lambda: store.replace(INFERENCE_SERVICES, isvc(percent=10)),
            lambda: store.delete(INFERENCE_SERVICES, "ml", "iris"),
        ):
            with pytest.raises(PlatformError, match="free disk space"):
                attempt()
    assert (store.list(INFERENCE_SERVICES, None), told) == (([made], 1), [])
    assert store.replace(INFERENCE_SERVICES, isvc(percent=10))["metadata"]["generation"] == 2
    store.close()


def broken_file(path: Path) -> None:
    path.write_bytes(b"this is not a database, and longer than a header of SQLite is" * 20)


def newer_file(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (broken_file, "not a database.*restore a backup"),
        (newer_file, "newer Kanarya"),
        (lambda path: path.mkdir(), "unable to open"),
    ],
    ids=["broken", "newer", "folder"],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, make: Callable[[Path], Any], said: str
) -> None:
    path = tmp_path / "platform.db"
    make(path)
    with pytest.raises(PlatformError, match=said) as error:
        Store(path)
    assert str(path) in str(error.value)
    assert path.exists()
