"""Live traffic: real rows asked of the gateway at a steady rate, every answer counted."""

from __future__ import annotations

import csv
import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

REVISION_HEADER = "kanarya-revision"


@dataclass
class Tally:
    """Answers by revision and status; status 0 means that no answer came at all."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    def sent(self) -> int:
        """Return how many requests were made."""
        return sum(self.answers.values())

    def failed(self, revision: str | None = None) -> int:
        """Return how many answers were errors, of one revision or of all."""
        return sum(
            count
            for (answered_by, status), count in self.answers.items()
            if status != 200 and revision in (None, answered_by)
        )

    def by_revision(self) -> dict[str, int]:
        """Return the answers per revision."""
        totals: Counter[str] = Counter()
        for (revision, _), count in self.answers.items():
            totals[revision] += count
        return dict(totals)


class Traffic:
    """Asks one service `rate` times a second from a thread of its own until it is stopped."""

    def __init__(self, url: str, bodies: list[bytes], rate: float) -> None:
        self._url = urlsplit(url)
        self._bodies = bodies
        self._interval = 1 / rate
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._tally = Tally()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Stop asking; the request under way is finished first."""
        self._stop.set()
        self._thread.join()

    def tally(self) -> Tally:
        """Return the counts so far."""
        with self._lock:
            return Tally(self._tally.answers.copy())

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self._url.netloc, timeout=30)
        due = time.monotonic()
        for body in cycle(self._bodies):
            if self._stop.wait(max(0.0, due - time.monotonic())):
                break
            due += self._interval
            outcome = self._ask(connection, body)
            with self._lock:
                self._tally.answers[outcome] += 1
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, body: bytes) -> tuple[str, int]:
        try:
            connection.request("POST", self._url.path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return ("", 0)
        return (answer.headers.get(REVISION_HEADER, ""), answer.status)


def rows(path: Path, target: str, limit: int = 100) -> list[bytes]:
    """Return prediction requests (V1, one row each) made from a CSV of numbers."""
    with path.open(newline="", encoding="utf-8") as file:
        records = [record for record, _ in zip(csv.DictReader(file), range(limit), strict=False)]
    return [
        json.dumps(
            {"instances": [{k: float(v) for k, v in record.items() if k != target}]}
        ).encode()
        for record in records
    ]
