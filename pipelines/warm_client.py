"""Stands in for `python3` in a local step: hands the command to the warm server, else runs it cold.

Standard library only, and started with -S -E: it must cost nothing. Its environment tells the real
interpreter (KANARYA_PYTHON) and the server's socket (KANARYA_WARM_SOCKET).
"""

import json
import os
import signal
import socket
import sys


def main() -> None:
    """Run `python3 ARGUMENTS…` in a process forked from the warm server and end as it ends."""
    arguments = sys.argv[1:]
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(os.environ["KANARYA_WARM_SOCKET"])
    except OSError:
        _cold(arguments)
    request = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109
    payload = json.dumps(request).encode()
    socket.send_fds(server, [len(payload).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(payload)
    with server.makefile("r", encoding="ascii") as answers:
        pid = answers.readline()
        if not pid:  # the server ended before it forked: nothing has run yet
            _cold(arguments)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the step's too: its end is awaited
        signal.signal(signal.SIGTERM, lambda *_: os.kill(int(pid), signal.SIGTERM))
        status = answers.readline()
    _end_as(int(status) if status else -signal.SIGKILL)


def _cold(arguments: list[str]) -> None:
    python = os.environ["KANARYA_PYTHON"]
    os.execv(python, [python, *arguments])


def _end_as(status: int) -> None:
    if status < 0:  # the step was killed by a signal: whoever waits for us must see the same
        signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
        os.kill(os.getpid(), -status)
    sys.exit(status)


if __name__ == "__main__":
    main()
