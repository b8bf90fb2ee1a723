"""The socket that a predictor answers on: bound here, or inherited.

It is bound early and listens late: a connection is refused until the model can answer, so that
a probe that only connects does not take a loading predictor for a ready one.
"""

from __future__ import annotations

import socket

from serving.errors import PlatformError


def bind(
    host: str, port: int, inherited: int | None, who: tuple[str, str] = ("predictor", "--http_port")
) -> socket.socket:
    """Return a bound socket; `inherited` is a descriptor that the parent bound already.

    `who` wants to listen, and the flag that has the port. Raises `PlatformError` where the port is
    taken or the descriptor is no socket.
    """
    if inherited is not None:
        return _adopted(inherited)
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PlatformError(
            f"The {who[0]} cannot listen on {host}:{port} ({error.strerror}); "
            f"choose another {who[1]}, or 0 for a free one."
        ) from error
    return listener


def address(listener: socket.socket) -> str:
    """Return "http://host:port" of a bound socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _adopted(descriptor: int) -> socket.socket:
    try:
        listener = socket.socket(fileno=descriptor)
        listener.getsockname()
    except OSError as error:
        raise PlatformError(
            f"--listen_fd {descriptor} is no socket ({error.strerror}); "
            "pass the descriptor of a bound TCP socket."
        ) from error
    listener.set_inheritable(False)
    return listener
