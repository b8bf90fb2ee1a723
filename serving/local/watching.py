"""Watches: what happens to the objects of one kind, as a stream of lines."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from serving.local import statuses
from serving.local.objects import Object
from serving.local.resources import Resource
from serving.local.selectors import Selector
from serving.local.store import Change, Store, utc_now
from serving.local.tables import Include, table

BOOKMARK_S = 60.0  # as often as Kubernetes tells a quiet watch how far it is


@dataclass(frozen=True)
class Watch:
    """What one client wants to see."""

    resource: Resource
    namespace: str | None  # None: all
    selector: Selector
    since: int | None  # None: first everything that is there
    timeout_s: float | None = None
    bookmarks: bool = False
    initial_end: bool = False  # mark the end of what was there (sendInitialEvents)
    as_table: bool = False
    include: Include = "Metadata"


def position(text: str, store: Store) -> int | None:
    """Return the resourceVersion that a watch starts after; None: with all that is there.

    Raises BadRequest when it is no number.
    """
    if text in ("", "0"):
        return None
    if not (text.isascii() and text.isdigit()):
        raise statuses.BadRequest(f'resourceVersion: Invalid value: "{text}": it must be a number')
    return int(text)


def seen_as(watch: Watch, change: Change) -> str | None:
    """Return how a watch sees a change; None when it does not concern it.

    An object whose labels begin or cease to match is ADDED or DELETED for that watch.
    """
    if change.resource != watch.resource.plural:
        return None
    if watch.namespace not in (None, change.object["metadata"].get("namespace")):
        return None
    now = change.type != "DELETED" and watch.selector.accepts(change.object)
    fields = Selector(fields=watch.selector.fields)  # fields of this API's kinds never change
    was = change.labels_before is not None and (
        watch.selector.accepts_labels(change.labels_before) and fields.accepts(change.object)
    )
    return {(True, True): "MODIFIED", (True, False): "DELETED", (False, True): "ADDED"}.get(
        (was, now)
    )


class Stream:
    """One open watch. It reads from the store's history, so a slow client costs no memory."""

    def __init__(self, watch: Watch, store: Store, stopping: asyncio.Event) -> None:
        self._watch, self._store, self._stopping = watch, store, stopping
        self._at = watch.since or 0
        self._heads_sent = False
        self._woken = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Send events until the time is up, the client leaves or the server stops."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        loop = asyncio.get_running_loop()

        def wake(_: Change) -> None:  # called in whichever thread wrote
            # other kinds too: a watch that stands still would fall out of the history
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._woken.set)

        unsubscribe = self._store.subscribe(wake)
        try:
            await self._run(request, response)
            await response.write_eof()
        except ConnectionError:
            pass  # the client left, which is how most watches end
        finally:
            unsubscribe()
        return response

    async def _run(self, request: web.Request, response: web.StreamResponse) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self._watch.timeout_s or math.inf)
        if self._watch.since is None:
            await self._send(response, self._initial())
        # a client that left while nothing happened is noticed by its missing transport
        while not self._stopping.is_set() and request.transport is not None:
            self._woken.clear()
            try:
                await self._send(response, self._news())
            except statuses.Expired as error:
                await response.write(line("ERROR", statuses.status_of(error)))
                return
            left = deadline - loop.time()
            if left <= 0:
                break
            if not await self._wait(min(left, BOOKMARK_S)) and left > BOOKMARK_S:
                await self._send(response, self._bookmark())
        await self._send(response, self._bookmark())

    async def _send(
        self, response: web.StreamResponse, events: Iterator[tuple[str, Object]]
    ) -> None:
        lines = b"".join(line(kind, self._shown(obj)) for kind, obj in events)
        if lines:
            await response.write(lines)

    async def _wait(self, limit: float) -> bool:
        """Wait for news or the server's end, at most `limit` seconds; return if one came."""
        waiting = [asyncio.ensure_future(e.wait()) for e in (self._woken, self._stopping)]
        try:
            done, _ = await asyncio.wait(
                waiting, timeout=limit, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in waiting:
                task.cancel()
        return bool(done)

    def _initial(self) -> Iterator[tuple[str, Object]]:
        watch = self._watch
        objects, self._at = self._store.list(watch.resource, watch.namespace)
        for obj in objects:
            if watch.selector.accepts(obj):
                yield "ADDED", obj
        if watch.initial_end:
            yield "BOOKMARK", self._mark({"k8s.io/initial-events-end": "true"})

    def _news(self) -> Iterator[tuple[str, Object]]:
        for change in self._store.changes(self._at):
            self._at = change.resource_version
            kind = seen_as(self._watch, change)
            if kind is not None:
                yield kind, change.object

    def _bookmark(self) -> Iterator[tuple[str, Object]]:
        if self._watch.bookmarks:
            yield "BOOKMARK", self._mark({})

    def _mark(self, annotations: dict[str, str]) -> Object:
        resource = self._watch.resource
        metadata: Object = {"resourceVersion": str(self._at)}
        if annotations:
            metadata["annotations"] = annotations
        return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}

    def _shown(self, obj: Object) -> Object:
        if not self._watch.as_table:
            return obj
        shown = table(self._watch.resource, [obj], utc_now(), include=self._watch.include)
        shown["metadata"] = {"resourceVersion": obj["metadata"]["resourceVersion"]}
        if self._heads_sent:
            shown["columnDefinitions"] = None  # sent once a stream, as in Kubernetes
        self._heads_sent = True
        return shown


def line(kind: str, obj: dict[str, Any]) -> bytes:
    """Return one event of a watch."""
    return json.dumps({"type": kind, "object": obj}, separators=(",", ":")).encode() + b"\n"
