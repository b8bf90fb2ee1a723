"""A PostgreSQL server of this machine, in a folder of its own, for as long as a test needs it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
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
def postgres(folder: Path) -> Iterator[int]:
    """Yield the port of a server on loopback with a database and a user `mlflow`."""
    account = ("runuser", "-u", "postgres", "--") if os.getuid() == 0 else ()
    if account:  # it refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        folder.chmod(0o711)
    data, secret = folder / "data", folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def run(*words: str) -> None:
        done = subprocess.run([*account, *words], capture_output=True, text=True, cwd="/")
        assert done.returncode == 0, done.stdout + done.stderr

    asked = ("--auth=scram-sha-256", "--username=mlflow", f"--pwfile={secret}", "--no-sync")
    run(program("initdb"), f"--pgdata={data}", *asked)
    control = (program("pg_ctl"), f"--pgdata={data}", f"--log={folder / 'log'}", "--wait")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    run(*control, "start", "-o", options)
    try:
        yield port
    finally:
        run(*control, "stop", "--mode=immediate")
