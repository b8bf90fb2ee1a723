"""Loopback sockets that are bound and not yet listened on."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def exactly(port: int) -> socket.socket:
    """Return a socket bound to this loopback port (0: a free one). Raises OSError."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((LOOPBACK, port))
    except OSError:
        sock.close()
        raise
    return sock


def bound(port: int = 0) -> socket.socket:
    """Return a socket bound to this loopback port, or to a free one if it is taken."""
    try:
        return exactly(port)
    except OSError:
        if port == 0:
            raise
        return exactly(0)


def port_of(sock: socket.socket) -> int:
    """Return the port that a socket is bound to."""
    return int(sock.getsockname()[1])
