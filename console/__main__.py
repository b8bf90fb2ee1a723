"""`python -m console`: serve the console until it is told to stop."""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import closing
from typing import NoReturn

from components.telling import room
from console.background import noted
from console.settings import ConsoleSettings
from console.starting import quick_imports
from serving.errors import KanaryaError, PlatformError
from serving.priority import give_way


def serve(settings: ConsoleSettings) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises PlatformError where the port cannot be had."""
    give_way()  # predictions come first
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn hands it on when it has ended
    with closing(listener(settings)) as sock, noted(settings.base, url := address(sock)):
        # Before its import: it would make a folder of its own where the user stands.
        os.environ["NICEGUI_STORAGE_PATH"] = str(settings.folder / "nicegui")
        with quick_imports():
            import uvicorn

            from console.app import FIRST, build
            from console.widgets.handlers import quick_elements
            from console.world import World

            FIRST.load()
        quick_elements()
        app = build(World.of(settings))
        print(f"console on {url}", flush=True)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=2, lifespan="on"
        )
        uvicorn.Server(config).run(sockets=[sock])


def listener(settings: ConsoleSettings) -> socket.socket:
    """Return the socket that the console listens on. Raises PlatformError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((settings.host.strip("[]"), settings.port))
        sock.listen(128)
    except OSError as error:
        sock.close()
        raise PlatformError(
            f"the console cannot listen on {settings.host}:{settings.port} ({error.strerror}); "
            "choose another port: KANARYA_CONSOLE_PORT, or 0 for any free one"
        ) from error
    return sock


def address(sock: socket.socket) -> str:
    """Return what is typed into a browser to come to a listening socket."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def main() -> NoReturn:
    """Serve with the settings of the environment; an expected error is one sentence."""
    try:
        settings = ConsoleSettings.from_env()
        with room(settings.base.home):
            serve(settings)
    except KanaryaError as error:
        print(f"kanarya: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    sys.exit(0)


if __name__ == "__main__":
    main()
