"""The two pages of a cluster's watcher: `/healthz` for probes, `/metrics` for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST

from pipelines.alerts import gauges
from serving.errors import PlatformError

TEXT = "text/plain; charset=utf-8"
PATIENCE_S = 10.0


class Pages(ThreadingHTTPServer):
    """The server; `hanging` returns the jobs that do not come back, `folder` has the gauges."""

    daemon_threads = True

    def __init__(self, port: int, hanging: Callable[[], list[str]], folder: Path) -> None:
        self.hanging, self.folder = hanging, folder
        super().__init__(("", port), Handler)

    def page(self, path: str) -> tuple[int, str, bytes]:
        """Return status, type and text of a page."""
        if path == "/healthz":
            hanging = self.hanging()
            said = f"{', '.join(hanging)} does not come back" if hanging else "well"
            return (503 if hanging else 200), TEXT, f"{said}\n".encode()
        if path == "/metrics":
            return 200, CONTENT_TYPE_LATEST, self._gauges()
        return 404, TEXT, b"there are /healthz and /metrics\n"

    def _gauges(self) -> bytes:
        """Return what the last look measured, nothing before the first."""
        try:
            return (self.folder / gauges.NAME).read_bytes()
        except FileNotFoundError:
            return b""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Pages
    timeout = PATIENCE_S

    def do_GET(self) -> None:
        """Answer with a page."""
        status, kind, text = self.server.page(self.path.partition("?")[0])
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing of what goes well."""


def serve(port: int, hanging: Callable[[], list[str]], folder: Path) -> Pages:
    """Return the server, bound. Raises PlatformError where the port is taken."""
    try:
        return Pages(port, hanging, folder)
    except OSError as error:
        raise PlatformError(
            f"the watcher cannot listen on port {port} ({error.strerror}); choose another in "
            "KANARYA_WATCHER_PORT"
        ) from error
