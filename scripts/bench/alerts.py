"""`make bench-alerts`: a thousand alerts while whoever is told is down for a minute.

The rounds go on as the watcher makes them, one every five seconds; the receiver is a real web
server whose port answers nothing at first. What counts is how often each alert came.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pipelines.alerts.alert import alert
from pipelines.alerts.delivering import deliver
from pipelines.alerts.messages import KEY
from pipelines.alerts.outbox import opened, raise_
from pipelines.alerts.receivers import ADDRESSES
from pipelines.alerts.rule import Severity
from scripts.bench.measuring import report
from serving.local.sockets import LOOPBACK
from serving.settings import Settings

ALERTS, DOWN_S, EVERY_S, LONGEST_S = 1000, 60.0, 5.0, 600.0


def main() -> None:
    """Raise, deliver, print, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=ALERTS)
    parser.add_argument("--down", type=float, default=DOWN_S, help="seconds without a receiver")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        settings = Settings.from_env({**os.environ, "KANARYA_HOME": home})
        publish(given.alerts, given.down, *measured(settings, given.alerts, given.down))


def measured(settings: Settings, alerts: int, down_s: float) -> tuple[Counter[str], float, float]:
    """Return how often each alert came, the seconds to raise all, and to empty the outbox."""
    began = time.monotonic()
    for number in range(alerts):
        labels = {"model": f"model-{number:04d}"}
        raise_(
            settings,
            alert("KanaryaErrors", Severity.CRITICAL, labels, "It fails.", datetime.now(UTC)),
        )
    raised_s = time.monotonic() - began
    came: Counter[str] = Counter()
    server = ThreadingHTTPServer((LOOPBACK, 0), _receiver(came), bind_and_activate=False)
    server.server_bind()  # the port is ours; nobody listens, so who comes is refused
    os.environ[ADDRESSES] = f"http://{LOOPBACK}:{server.socket.getsockname()[1]}/told"
    _rounds(settings, began + down_s)
    server.server_activate()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    up = time.monotonic()
    _rounds(settings, up + LONGEST_S, until_empty=True)
    server.shutdown()
    server.server_close()
    return came, raised_s, time.monotonic() - up


def _receiver(came: Counter[str]) -> type[BaseHTTPRequestHandler]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            came[self.headers[KEY]] += 1
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Receiver


def _rounds(settings: Settings, end: float, *, until_empty: bool = False) -> None:
    while time.monotonic() < end:
        deliver(settings, datetime.now(UTC))
        if until_empty and not _waiting(settings):
            return
        time.sleep(min(EVERY_S, max(0.0, end - time.monotonic())))


def _waiting(settings: Settings) -> int:
    with opened(settings) as outbox:
        return sum(each.waiting for each in outbox.standings())


def publish(
    alerts: int, down_s: float, came: Counter[str], raised_s: float, emptied_s: float
) -> None:
    """Print the line that other programs read."""
    figures: dict[str, object] = {
        "alerts": alerts,
        "down_s": down_s,
        "delivered": len(came),
        "more_than_once": sum(count > 1 for count in came.values()),
        "seconds_to_raise": round(raised_s, 3),
        "seconds_to_deliver_once_up": round(emptied_s, 3),
    }
    report("alerts", {"delivered/alerts": len(came) / alerts}, figures)


if __name__ == "__main__":
    main()
