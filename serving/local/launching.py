"""How a predictor is started: its command, its environment, its log."""

from __future__ import annotations

import os
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process, create_subprocess_exec
from collections.abc import Callable, Sequence
from pathlib import Path

from serving.local.revisions import RevisionSpec
from serving.local.sockets import bound, port_of
from serving.settings import PUBLIC_KEY, SIGNING_KEY

Launch = Callable[[RevisionSpec, int, int], list[str]]

# -P: a folder `serving` where the process stands must not be taken for this one.
PREDICTOR = (sys.executable, "-P", "-m", "serving.predictor")
ROOT = Path(__file__).resolve().parents[2]  # where `serving` is imported from
REVISION = "KANARYA_REVISION"
"""The variable by which a predictor knows, and is known, which revision it serves."""
TAIL_BYTES = 8192
LOG_BYTES = 16 * 1024 * 1024


def launching(prefix: Sequence[str] = PREDICTOR, feedback_url: str = "") -> Launch:
    """Return what makes the command line of a revision: `prefix` and the predictor's flags.

    `feedback_url`: of the platform's collector, "" where predictors find another one themselves.
    """

    def command(spec: RevisionSpec, fd: int, port: int) -> list[str]:
        flags = {"model_name": spec.service, "model_dir": spec.model_dir}
        if feedback_url:
            flags["feedback_url"] = f"{feedback_url}/{spec.namespace}"
        sockets = {"listen_fd": fd, "http_port": port}
        pairs = [f"--{name}={value}" for name, value in {**flags, **sockets}.items()]
        return [*prefix, *pairs, "--exit_with_parent", *spec.args]

    return command


def environment(spec: RevisionSpec) -> dict[str, str]:
    """Return the daemon's environment with the revision's own entries."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    named = {"PYTHONPATH": path, REVISION: spec.known_as}
    # Which key a model must be signed with is the platform's to say, and the private one is not
    # for those who serve.
    keys = {PUBLIC_KEY: os.environ.get(PUBLIC_KEY, ""), SIGNING_KEY: ""}
    return {**os.environ, **dict(spec.env), **named, **keys}


async def spawn(launch: Launch, spec: RevisionSpec, port: int, log: Path) -> tuple[Process, int]:
    """Start the revision's process on `port`, or on a free one; return it and its port.

    It gets a socket that is bound already, so its port cannot go to somebody else meanwhile, and
    its own session, so that Ctrl-C in a terminal reaches the platform only.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with bound(port) as sock, log.open("ab") as output:
        process = await create_subprocess_exec(
            *launch(spec, sock.fileno(), port_of(sock)),
            stdin=DEVNULL,
            stdout=output,
            stderr=STDOUT,
            pass_fds=(sock.fileno(),),
            env=environment(spec),
            start_new_session=True,
        )
        return process, port_of(sock)


def size_of(log: Path) -> int:
    """Return how long the log is; a log that grew past its limit is moved aside first."""
    if not log.exists():
        return 0
    if log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
        return 0
    return log.stat().st_size


def last_line(log: Path, start: int) -> str:
    """Return the last line that was written to the log after `start`, "" if none was."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(start, end - TAIL_BYTES))
        lines = file.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
