"""The objects of the control plane in one SQLite file, with a history that can be watched."""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from serving.local import objects, statuses
from serving.local.database import open_database, transaction, translated
from serving.local.objects import Object, metadata_of
from serving.local.resources import Resource

logger = logging.getLogger(__name__)

# named here, since inside the class `list` is the method
Objects = list[Object]
Rows = list[tuple[Any, ...]]

HISTORY = 5_000  # changes that are kept for watches
ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]


def utc_now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Change:
    """One write that happened; `object` is shared between its readers, so it is not edited."""

    type: ChangeType
    resource: str  # the plural
    object: Object
    resource_version: int
    labels_before: Mapping[str, str] | None = None  # None: it was not there before


Changes = list[Change]


class Store:
    """The objects, each write one transaction; safe to share between threads.

    Every write gives the object a new resourceVersion, from one counter for all kinds.
    `dry_run=True` answers what a write would answer and keeps nothing.
    """

    def __init__(
        self, path: Path, clock: Callable[[], datetime] = utc_now, *, history: int = HISTORY
    ) -> None:
        self._path, self._clock, self._history = path, clock, history
        self._lock = threading.RLock()
        self._subscribers: tuple[Callable[[Change], None], ...] = ()
        self._pending: Changes = []
        self._db = open_database(path)

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        with self._lock:
            self._db.close()

    # -- reading

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """Return one object. Raises NotFound."""
        body = self._one(
            "SELECT body FROM objects WHERE resource = ? AND namespace = ? AND name = ?",
            (resource.plural, namespace, name),
        )
        if body is None:
            raise statuses.not_found(resource, name)
        return cast(Object, json.loads(body[0]))

    def list(self, resource: Resource, namespace: str | None) -> tuple[Objects, int]:
        """Return the objects of one namespace (None: of all), by name, and the resourceVersion."""
        where, given = ("", ()) if namespace is None else (" AND namespace = ?", (namespace,))
        query = f"SELECT body FROM objects WHERE resource = ?{where} ORDER BY namespace, name"
        with self._lock:
            rows = self._all(query, (resource.plural, *given))
            return [json.loads(body) for (body,) in rows], self.resource_version()

    def resource_version(self) -> int:
        """Return the resourceVersion of the newest write."""
        row = self._one("SELECT resource_version FROM counter", ())
        return int(row[0]) if row else 0

    def changes(self, since: int) -> Changes:
        """Return what happened after `since`, oldest first.

        Raises Expired when `since` is older than the kept history, or lies in the future.
        """
        with self._lock:
            newest = self.resource_version()
            oldest = self._one("SELECT min(resource_version) FROM changes", ())
            if since > newest or (oldest and oldest[0] and since < oldest[0] - 1):
                raise statuses.Expired(f"too old resource version: {since} ({newest})")
            rows = self._all(
                "SELECT type, resource, body, resource_version, labels_before FROM changes "
                "WHERE resource_version > ? ORDER BY resource_version",
                (since,),
            )
        return [change_of(row) for row in rows]

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call `callback` after every commit, in order; returns what ends that.

        It is called in the thread that wrote, and must not write itself.
        """
        with self._lock:
            self._subscribers = (*self._subscribers, callback)

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers = tuple(c for c in self._subscribers if c is not callback)

        return unsubscribe

    # -- writing

    def create(
        self, resource: Resource, obj: Mapping[str, Any], *, dry_run: bool = False
    ) -> Object:
        """Return the object as it was stored, with uid, creationTimestamp and generation 1.

        A status that comes along is dropped. Raises AlreadyExists.
        """
        now = self._clock()
        fresh = objects.created(resource, obj, uid=str(uuid.uuid4()), now=now)
        with self._write(keep=not dry_run):
            name, namespace = names(fresh)
            if self._exists(resource, namespace, name):
                raise statuses.already_exists(resource, name)
            self._expire(resource, now)
            stored = self._save(resource, fresh, "ADDED", None)
        return objects.stamped(stored, None) if dry_run else stored

    def replace(
        self,
        resource: Resource,
        obj: Mapping[str, Any],
        *,
        status: bool = False,
        dry_run: bool = False,
    ) -> Object:
        """Return the object after its content was replaced, or with `status` only its status.

        Nothing changed: the stored object, without a new resourceVersion. Raises NotFound, and
        Conflict when the metadata carry a stale resourceVersion or another uid.
        """
        name, namespace = names(obj)
        with self._write(keep=not dry_run):
            old = self.get(resource, namespace, name)
            check(resource, old, metadata_of(obj))
            new = objects.replaced(resource, old, obj, only_status=status)
            if new == old:
                return old
            stored = self._save(resource, new, "MODIFIED", objects.labels_of(old))
        return objects.stamped(stored, metadata_of(old)["resourceVersion"]) if dry_run else stored

    def delete(  # noqa: PLR0913 - the preconditions of Kubernetes' DeleteOptions
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Return the object that was deleted. Raises NotFound, and Conflict when it is another."""
        with self._write(keep=not dry_run):
            old = self.get(resource, namespace, name)
            check(resource, old, {"uid": uid, "resourceVersion": resource_version})
            return self._remove(resource, old)

    # -- inside a transaction

    @contextmanager
    def _write(self, *, keep: bool) -> Iterator[None]:
        """Run the block as one transaction, then tell the subscribers what it did."""
        with self._lock:
            self._pending = []
            with transaction(self._db, self._path, keep=keep):
                yield
            told = self._pending if keep else []
            for change in told:
                self._tell(change)

    def _tell(self, change: Change) -> None:
        for callback in self._subscribers:
            try:
                callback(change)
            except Exception:  # the write is done; one broken reader must not fail it
                logger.exception("a subscriber failed on %s %s", change.type, change.resource)

    def _save(
        self, resource: Resource, obj: Object, kind: ChangeType, before: Mapping[str, str] | None
    ) -> Object:
        version = self._next()
        stored = objects.stamped(obj, version)
        name, namespace = names(stored)
        self._db.execute(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)",
            (resource.plural, namespace, name, self._clock().timestamp(), json.dumps(stored)),
        )
        self._remember(Change(kind, resource.plural, stored, version, before))
        return stored

    def _remove(self, resource: Resource, old: Object) -> Object:
        version = self._next()
        name, namespace = names(old)
        self._db.execute(
            "DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?",
            (resource.plural, namespace, name),
        )
        gone = objects.stamped(old, version)
        self._remember(Change("DELETED", resource.plural, gone, version, objects.labels_of(old)))
        return gone

    def _remember(self, change: Change) -> None:
        body = json.dumps(change.object)
        before = None if change.labels_before is None else json.dumps(dict(change.labels_before))
        self._db.execute(
            "INSERT INTO changes VALUES (?, ?, ?, ?, ?)",
            (change.resource_version, change.type, change.resource, body, before),
        )
        oldest = change.resource_version - self._history
        self._db.execute("DELETE FROM changes WHERE resource_version <= ?", (oldest,))
        # a copy, so that what the writer does with its own object is not seen by the readers
        row = (change.type, change.resource, body, change.resource_version, before)
        self._pending.append(change_of(row))

    def _expire(self, resource: Resource, now: datetime) -> None:
        """Drop what was not written for the resource's time to live."""
        if resource.ttl_s is None:
            return
        rows = self._all(
            "SELECT body FROM objects WHERE resource = ? AND written_at < ?",
            (resource.plural, now.timestamp() - resource.ttl_s),
        )
        for (body,) in rows:
            self._remove(resource, json.loads(body))

    def _next(self) -> int:
        self._db.execute("UPDATE counter SET resource_version = resource_version + 1")
        return self.resource_version()

    def _exists(self, resource: Resource, namespace: str, name: str) -> bool:
        query = "SELECT 1 FROM objects WHERE resource = ? AND namespace = ? AND name = ?"
        return self._one(query, (resource.plural, namespace, name)) is not None

    def _one(self, query: str, given: tuple[object, ...]) -> tuple[Any, ...] | None:
        with self._lock, translated(self._path):
            return cast("tuple[Any, ...] | None", self._db.execute(query, given).fetchone())

    def _all(self, query: str, given: tuple[object, ...]) -> Rows:
        with self._lock, translated(self._path):
            return self._db.execute(query, given).fetchall()


def names(obj: Mapping[str, Any]) -> tuple[str, str]:
    """Return name and namespace; the namespace of a cluster-wide object is empty."""
    metadata = metadata_of(obj)
    return str(metadata["name"]), str(metadata.get("namespace", ""))


def check(resource: Resource, old: Object, expected: Mapping[str, Any]) -> None:
    """Raise Conflict when the stored object is not the one that the writer has seen."""
    stored, name = metadata_of(old), metadata_of(old)["name"]
    if expected.get("uid") and expected["uid"] != stored["uid"]:
        raise statuses.conflict(
            resource,
            name,
            f"Precondition failed: UID in precondition: {expected['uid']}, "
            f"UID in object meta: {stored['uid']}",
        )
    sent = expected.get("resourceVersion")
    if sent and str(sent) != stored["resourceVersion"]:
        raise statuses.stale(resource, name, sent, stored["resourceVersion"])


def change_of(row: tuple[Any, ...]) -> Change:
    """Return the change that a row of the history tells."""
    kind, resource, body, version, before = row
    return Change(kind, resource, json.loads(body), version, before and json.loads(before))
