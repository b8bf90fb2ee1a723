"""A PostgreSQL server of this machine, in a folder of its own, for as long as a test needs it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PASSWORD = "a-password-of-this-test"


def program(name: str) -> str:
    """Return where one of PostgreSQL's programs is; skip where it is not installed."""
    found = shutil.which(name)
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not found and not debian:
        pytest.skip("PostgreSQL is not installed; run `apt-get install postgresql`")
    return found or str(debian[-1])


@contextmanager
def postgres() -> Iterator[int]:
    """Yield the port of a server on loopback; user `mlflow` owns its database `postgres`."""
    # Not below pytest's folder, which every pytest of this user closes to others.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        account: tuple[str, ...] = ()
        if os.getuid() == 0:  # it refuses to run as root
            account = ("runuser", "-u", "postgres", "--")
            shutil.chown(folder, "postgres", "postgres")
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        data = f"--pgdata={folder / 'data'}"
        asked = ("--auth=scram-sha-256", "--username=mlflow", f"--pwfile={folder / 'password'}")
        _run(*account, program("initdb"), data, *asked, "--no-sync")
        control = (*account, program("pg_ctl"), data, f"--log={folder / 'log'}", "--wait")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        _run(*control, "start", "-o", options)
        try:
            yield port
        finally:
            _run(*control, "stop", "--mode=immediate")


def _run(*words: str) -> None:
    # Its output goes to a file: the server inherits it, and would keep a pipe open.
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run(words, stdout=said, stderr=said, cwd="/")
        said.seek(0)
        assert done.returncode == 0, said.read()
