"""A disk that is full while a table is read: one sentence, and nothing half-written."""

from __future__ import annotations

import functools
import random
import resource
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from components.ingest import step
from components.ingest.rules import Request
from serving.errors import PlatformError

ROOM = 200_000
DRAWN = random.Random(0)
ROWS = "".join(f"{DRAWN.random()},{DRAWN.random()},{n % 2}\n" for n in range(30_000))
TEXTS = {
    "one pass": f"a,b,y\n{ROWS}".encode(),
    "cell by cell": f"größe,b,y\n{ROWS}".encode("cp1252"),
}


@pytest.fixture
def limited() -> Iterator[None]:
    """No file of this process may grow beyond `ROOM`."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of `ROOM` bytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not mount a file system: run it as root (the limit is tried)")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def refused(uri: str, home: Path) -> None:
    before = sorted(home.rglob("*"))
    with pytest.raises(PlatformError) as error:
        step.run(uri, Request("y"), home / "table")
    assert "make room and run it again" in str(error.value)
    assert "\n" not in str(error.value)
    assert sorted(home.rglob("*")) == before


@pytest.mark.parametrize("text", TEXTS)
def test_a_file_system_that_is_full(tmp_path: Path, small_disk: Path, text: str) -> None:
    source = tmp_path / "rows.csv"
    source.write_bytes(TEXTS[text])
    refused(str(source), small_disk)


@pytest.mark.parametrize("text", TEXTS)
def test_a_file_that_may_not_grow(
    tmp_path: Path, request: pytest.FixtureRequest, text: str
) -> None:
    source = tmp_path / "rows.csv"
    source.write_bytes(TEXTS[text])
    request.getfixturevalue("limited")
    refused(str(source), tmp_path)


def test_a_download_that_does_not_fit(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / "rows.csv").write_bytes(TEXTS["one pass"])
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    request.getfixturevalue("limited")
    try:
        refused(f"http://127.0.0.1:{server.server_port}/rows.csv", tmp_path)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
