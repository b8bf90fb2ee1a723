"""The loop that keeps every service in line: woken by changes, and by the clock in any case."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from serving.errors import KanaryaError
from serving.local.cluster import Cluster, Key, Routing, key_of
from serving.local.processes import Processes
from serving.local.reconciler import Reconciler
from serving.local.resources import (
    DEPLOYMENTS,
    HTTP_ROUTES,
    INFERENCE_SERVICES,
    KNATIVE_SERVICES,
    PODS,
    REVISIONS,
)
from serving.local.revisions import RevisionSpec
from serving.local.store import Change, Store, utc_now

logger = logging.getLogger(__name__)

RESYNC_S = 5.0
MADE = (KNATIVE_SERVICES, REVISIONS, DEPLOYMENTS, PODS, HTTP_ROUTES)
WATCHED = frozenset(each.plural for each in (INFERENCE_SERVICES, *MADE))


@dataclass(frozen=True)
class Wiring:
    """What a controller connects."""

    store: Store
    processes: Processes
    routing: Routing
    gateway_url: str
    clock: Callable[[], datetime] = utc_now
    resync_s: float = RESYNC_S


class Controller:
    """Reconciles services one after another; what is not written can be found out again."""

    def __init__(self, wiring: Wiring) -> None:
        """Connect everything; nothing happens before `run`."""
        self._store, self._processes = wiring.store, wiring.processes
        self._resync_s = wiring.resync_s
        self._reconciler = Reconciler(
            Cluster(
                wiring.store, wiring.processes, wiring.routing, wiring.gateway_url, wiring.clock
            )
        )
        self._dirty: set[Key] = set()
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Keep every service in line until the task is cancelled; processes keep running."""
        loop = asyncio.get_running_loop()

        def written(change: Change) -> None:
            loop.call_soon_threadsafe(self._noticed, change)

        unsubscribe = self._store.subscribe(written)
        self._processes.listen(self._process_changed, self._tell)
        try:
            while True:
                self._round()
                await self._rest()
        finally:
            unsubscribe()

    def _round(self) -> None:
        """Reconcile what was touched, or everything when nothing was: that is the resync."""
        self._woken.clear()
        dirty, self._dirty = self._dirty, set()
        for key in sorted(dirty or self._known(), key=str):
            self._reconcile(key)

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._resync_s):
                await self._woken.wait()

    def _reconcile(self, key: Key) -> None:
        """Reconcile one service; its failure must not take the others down."""
        try:
            self._reconciler.reconcile(key)
        except KanaryaError as error:  # a full disk, say: it may have room at the next resync
            logger.error("%s/%s could not be brought in line: %s", key.namespace, key.name, error)
        except Exception:  # it is logged, and tried again at the next resync
            logger.exception("%s/%s could not be brought in line", key.namespace, key.name)

    def _known(self) -> frozenset[Key]:
        try:
            return self._reconciler.keys()
        except Exception:  # the store cannot be read now; the services go on as they are
            logger.exception("the services could not be listed")
            return frozenset()

    def _noticed(self, change: Change) -> None:
        if change.resource in WATCHED:
            self._wake(key_of(change.object))

    def _process_changed(self, spec: RevisionSpec) -> None:
        self._wake(Key(spec.namespace, spec.service))

    def _tell(self, spec: RevisionSpec, reason: str, message: str) -> None:
        try:
            self._reconciler.tell(Key(spec.namespace, spec.service), reason, message)
        except KanaryaError as error:
            logger.error("%s: %s: %s (%s)", spec.key, reason, message, error)
        except Exception:  # an event that cannot be written is no reason to stop serving
            logger.exception("%s: %s: %s", spec.key, reason, message)

    def _wake(self, key: Key) -> None:
        self._dirty.add(key)
        self._woken.set()
