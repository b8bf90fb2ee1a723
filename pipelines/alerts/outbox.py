"""The outbox: what is to be told, to whom it was told, and what the rules remember.

`alerts/outbox.db` of the home. An alert is here before anybody is told of it, and stays until each
receiver has it, whatever is killed meanwhile. It is sent, then noted as delivered: who is killed in
between sends it again, with the same key, so that a receiver that knows its keys has it once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.alerts import database
from pipelines.alerts.alert import Alert, subject
from pipelines.alerts.deciding import Before, Condition, Decided, Silence
from pipelines.errors import AlertError

if TYPE_CHECKING:
    import sqlite3

    from serving.settings import Settings

DAY_S = 86_400.0
GIVE_UP_S, KEEP_S = 3 * DAY_S, 30 * DAY_S
"""How long an alert is tried to be delivered, and for how long one that was is kept."""
MOST = 20_000
"""Alerts that are kept, beside those that wait."""
FORGOTTEN_S = 1200.0
NEW, SENT_OUT, SILENCED = "new", "sent out", "silenced"
WAITING, DELIVERED, GIVEN_UP = "waiting", "delivered", "given up"


@dataclass(frozen=True)
class Delivery:
    """One alert on its way to one receiver, or how it ended."""

    alert: Alert
    receiver: str
    state: str
    attempts: int
    error: str


@dataclass(frozen=True)
class Standing:
    """How it is with a receiver: what waits, since when, and when it is tried again."""

    name: str
    waiting: int = 0
    oldest: float = 0.0
    delivered: int = 0
    given_up: int = 0
    failures: int = 0
    not_before: float = 0.0
    error: str = ""


def path(settings: Settings) -> Path:
    """Return the outbox of a home."""
    return settings.home / "alerts" / "outbox.db"


def require(settings: Settings) -> None:
    """Raise AlertError where nobody has looked at the rules of a home yet."""
    if not path(settings).is_file():
        raise AlertError(f"nobody has looked at {settings.home} yet; `kanarya up` starts what does")


@contextmanager
def opened(settings: Settings) -> Iterator[Outbox]:
    """Lend the outbox of a home. Raises AlertError where it cannot be used."""
    db = database.opened(path(settings))
    try:
        yield Outbox(db, path(settings))
    finally:
        db.close()


def raise_(settings: Settings, found: Alert) -> bool:
    """Put an alert into the outbox; False where one of this id was there. Raises AlertError."""
    with opened(settings) as outbox:
        return outbox.put(found)


@dataclass(frozen=True)
class Outbox:
    """An outbox that is open, for one thread."""

    db: sqlite3.Connection
    file: Path

    def put(self, found: Alert) -> bool:
        """Keep an alert; False where one of this id is here, delivered or not."""
        at = datetime.fromisoformat(found.at).timestamp()
        silent = any(each.covers(found.rule, found.subject, at) for each in self.silences())
        with database.transaction(self.db, self.file):
            return self._put(found, SILENCED if silent else NEW)

    def before(self) -> Before:
        """Return what the rules remember."""
        rows = self._all("SELECT body FROM conditions ORDER BY rule, subject")
        conditions = [Condition(**json.loads(body)) for (body,) in rows]
        return Before(conditions, self.silences())

    def take(self, decided: Decided) -> None:
        """Keep the conditions and the alerts of one look, all or nothing."""
        with database.transaction(self.db, self.file):
            self.db.execute("DELETE FROM conditions")
            for each in decided.conditions:
                row = (each.rule, subject(each.labels), json.dumps(asdict(each)))
                self.db.execute("INSERT INTO conditions VALUES (?, ?, ?)", row)
            for found in decided.alerts:
                self._put(found, NEW)

    def silences(self) -> list[Silence]:
        """Return who is not told of what."""
        columns = "rule, subject, until, why, who"
        rows = self._all(f"SELECT {columns} FROM silences ORDER BY rule, subject")
        return [Silence(*row) for row in rows]

    def silence(self, wanted: Silence, now: float) -> None:
        """Tell nobody for a while; another `until` of the same replaces it, one past ends it."""
        with database.transaction(self.db, self.file):
            self.db.execute("DELETE FROM silences WHERE until <= ?", (now,))
            self.db.execute(
                "INSERT OR REPLACE INTO silences (rule, subject, until, why, who) "
                "VALUES (?, ?, ?, ?, ?)",
                (wanted.rule, wanted.subject, wanted.until, wanted.why, wanted.who),
            )

    def send_out(self, receivers: Sequence[str], now: float) -> None:
        """Give each new alert a delivery to each receiver, and let go of what is past.

        Where there are none it stays new for a while; what nobody was there to be told of for too
        long is not told any more.
        """
        with database.transaction(self.db, self.file):
            for name in receivers:
                self.db.execute(
                    "INSERT OR IGNORE INTO deliveries (receiver, alert, at, state) "
                    "SELECT ?, id, at, ? FROM alerts WHERE state = ? AND at > ?",
                    (name, WAITING, NEW, now - GIVE_UP_S),
                )
            if receivers:
                self.db.execute("UPDATE alerts SET state = ? WHERE state = ?", (SENT_OUT, NEW))
            self.db.execute(
                "UPDATE deliveries SET state = ?, ended_at = ? WHERE state = ? AND at < ?",
                (GIVEN_UP, now, WAITING, now - GIVE_UP_S),
            )
            self._prune(now)

    def waiting(self, receiver: str, most: int) -> list[Alert]:
        """Return what a receiver is to be told, at most so much; what failed comes last."""
        rows = self._all(
            "SELECT body FROM deliveries d JOIN alerts a ON a.id = d.alert "
            "WHERE d.state = ? AND d.receiver = ? ORDER BY d.attempts, d.at, d.alert LIMIT ?",
            (WAITING, receiver, most),
        )
        return [Alert.from_json(json.loads(body)) for (body,) in rows]

    def trying(self, receiver: str, alert: str) -> None:
        """Note that a receiver is about to be told. Where that cannot be noted it is not told.

        A disk that is full would take no note of what was delivered either, and it would be
        delivered for ever.
        """
        with database.transaction(self.db, self.file):
            self.db.execute(
                "UPDATE deliveries SET attempts = attempts + 1 WHERE receiver = ? AND alert = ?",
                (receiver, alert),
            )

    def delivered(self, receiver: str, alert: str, now: float, left_out: str = "") -> None:
        """Note that a receiver has an alert, and so is well; `left_out`: who of it has not."""
        with database.transaction(self.db, self.file):
            self.db.execute(
                "UPDATE deliveries SET state = ?, ended_at = ?, error = ? "
                "WHERE receiver = ? AND alert = ?",
                (DELIVERED, now, left_out, receiver, alert),
            )
            self.db.execute("DELETE FROM receivers WHERE name = ?", (receiver,))

    def failed(self, receiver: str, alert: str, why: str, not_before: float) -> None:
        """Note that a receiver did not take an alert, and from when on it is asked again."""
        with database.transaction(self.db, self.file):
            self.db.execute(
                "UPDATE deliveries SET error = ? WHERE receiver = ? AND alert = ?",
                (why, receiver, alert),
            )
            self.db.execute(
                "INSERT INTO receivers VALUES (?, 1, ?, ?) ON CONFLICT (name) DO UPDATE SET "
                "failures = failures + 1, not_before = excluded.not_before, error = excluded.error",
                (receiver, not_before, why),
            )

    def standings(self) -> list[Standing]:
        """Return how it is with every receiver that was ever told something."""
        rows = self._all(
            "SELECT d.receiver, sum(d.state = ?), coalesce(min(iif(d.state = ?, d.at, NULL)), 0), "
            "sum(d.state = ?), sum(d.state = ?), coalesce(max(r.failures), 0), "
            "coalesce(max(r.not_before), 0), coalesce(max(r.error), '') "
            "FROM deliveries d LEFT JOIN receivers r ON r.name = d.receiver "
            "GROUP BY d.receiver ORDER BY d.receiver",
            (WAITING, WAITING, DELIVERED, GIVEN_UP),
        )
        return [Standing(*row) for row in rows]

    def deliveries(self, most: int) -> list[Delivery]:
        """Return the newest deliveries, what waits before what has ended."""
        rows = self._all(
            "SELECT a.body, d.receiver, d.state, d.attempts, d.error FROM deliveries d "
            "JOIN alerts a ON a.id = d.alert ORDER BY d.state != ?, d.at DESC, d.alert LIMIT ?",
            (WAITING, most),
        )
        return [Delivery(Alert.from_json(json.loads(body)), *rest) for body, *rest in rows]

    def alerts(self, most: int) -> list[Alert]:
        """Return the newest alerts."""
        rows = self._all("SELECT body FROM alerts ORDER BY at DESC, id LIMIT ?", (most,))
        return [Alert.from_json(json.loads(body)) for (body,) in rows]

    def reading(self, service: str, since: float) -> tuple[float, str] | None:
        """Return the newest reading of a service's counters up to a moment, else its oldest."""
        rows = self._all(
            "SELECT at, body FROM readings WHERE service = ? ORDER BY at <= ? DESC, "
            "iif(at <= ?, -at, at) LIMIT 1",
            (service, since, since),
        )
        return rows[0] if rows else None

    def read(self, service: str, at: float, body: str) -> None:
        """Keep a reading; those that nobody will ask for any more go, of all services."""
        with database.transaction(self.db, self.file):
            self.db.execute(
                "DELETE FROM readings WHERE at < ? OR at >= ?", (at - FORGOTTEN_S, at + FORGOTTEN_S)
            )
            row = (service, at, body)
            self.db.execute("INSERT OR REPLACE INTO readings VALUES (?, ?, ?)", row)

    def _put(self, found: Alert, state: str) -> bool:
        at = datetime.fromisoformat(found.at).timestamp()
        row = (found.id, at, json.dumps(found.to_json(), ensure_ascii=False), state)
        done = self.db.execute("INSERT OR IGNORE INTO alerts VALUES (?, ?, ?, ?)", row)
        return done.rowcount == 1

    def _prune(self, now: float) -> None:
        """Forget old alerts that nobody waits for."""
        newest = "SELECT at FROM alerts ORDER BY at DESC LIMIT 1 OFFSET ?"
        (oldest,) = self.db.execute(newest, (MOST,)).fetchone() or (0.0,)
        self.db.execute(
            "DELETE FROM alerts WHERE at < ? AND id NOT IN "
            "(SELECT alert FROM deliveries WHERE state = ?)",
            (max(now - KEEP_S, oldest), WAITING),
        )
        self.db.execute("DELETE FROM deliveries WHERE alert NOT IN (SELECT id FROM alerts)")

    def _all(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        with database.translated(self.file):
            return self.db.execute(statement, values).fetchall()
