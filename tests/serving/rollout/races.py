"""The local control plane in this process, with real HTTP and revisions that are only pretended.

A race needs hundreds of services, not one model: a revision is ready as soon as its gate is open.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from serving.isvc.client import ServiceClient, connect
from serving.isvc.resource import ServiceView
from serving.local import kubeconfig
from serving.local.api import make_app
from serving.local.controller import Controller, Wiring
from serving.local.observed import READY, STARTING, Observed
from serving.local.resources import INFERENCE_SERVICES
from serving.local.revisions import RevisionSpec
from serving.local.store import Change, Store
from serving.rollout.ledger import StoredLedger
from serving.rollout.observation import Counts, Observation
from serving.rollout.state import rollout_of
from serving.rollout.world import World
from tests.serving.rollout.fake_cluster import BOUNDS, FakeRecorder

LIVE = "file:///models/1"
"""What is up at once; every other revision waits for its gate."""
SPEED = 5.0
"""How much shorter the pauses of a race are. A lease is as long as ever: machines may be busy."""


class Pretended:
    """Processes that come up when their service's gate is open; they are asked nothing."""

    def __init__(self) -> None:
        self.gates: dict[str, threading.Event] = defaultdict(threading.Event)
        self._specs: dict[str, RevisionSpec] = {}
        self._changed: Callable[[RevisionSpec], None] = lambda spec: None
        self._loop = asyncio.get_running_loop()

    def listen(self, changed: Callable[[RevisionSpec], None], tell: object) -> None:
        self._changed = changed

    def ensure(self, spec: RevisionSpec) -> None:
        self._specs[spec.key] = spec

    def stop(self, key: str) -> None:
        self._specs.pop(key, None)

    def observed(self, key: str) -> Observed:
        spec = self._specs.get(key)
        if spec is None or not (spec.storage_uri == LIVE or self.gates[spec.service].is_set()):
            return STARTING
        return READY

    def running(self) -> frozenset[str]:
        return frozenset(self._specs)

    def open(self, service: str) -> None:
        """Let the service's next revisions come up; called from any thread."""
        self.gates[service].set()
        for spec in [each for each in self._specs.values() if each.service == service]:
            self._loop.call_soon_threadsafe(self._changed, spec)


class Nowhere:
    """A gateway that nobody asks."""

    def set_route(self, route: object) -> None:
        pass

    def remove_route(self, namespace: str, service: str) -> None:
        pass


class Steady:
    """Counters of flawless traffic, divided as the service's traffic block says."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str], int] = defaultdict(int)
        self._lock = threading.Lock()

    def observe(self, view: ServiceView, now: float) -> Observation:
        with self._lock:
            for target in view.traffic:
                self._requests[view.name, target.revision] += 20 * target.percent
            found = {
                revision: Counts(requests, 0, (requests, *[0] * (len(BOUNDS) - 1)), BOUNDS)
                for (service, revision), requests in self._requests.items()
                if service == view.name
            }
        return Observation(1.0, now, found)


@dataclass
class Arena:
    """The platform, and every write that it has seen."""

    home: Path
    pretended: Pretended
    client: ServiceClient
    source: Steady = field(default_factory=Steady)
    clients: dict[str, ServiceClient] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    def world(self, holder: str, rng: random.Random, **more: Any) -> World:
        """A racer: its own client, its own handle of the ledger, its own uneven pace."""
        if holder not in self.clients:
            self.clients[holder] = connect(self.home / "kubeconfig", "default")
        return World(
            services=self.clients[holder],
            recorder=FakeRecorder(),
            ledger=StoredLedger(str(self.home / "ledger"), sha256_of=lambda uri: None),
            source=self.source,
            clock=time.monotonic,
            sleep=lambda seconds: time.sleep(seconds / SPEED * rng.uniform(0.1, 1.5)),
            holder=holder,
            **more,
        )

    def view(self, name: str) -> ServiceView:
        found = self.client.get(name)
        assert found is not None
        return found

    def writes(self, name: str) -> list[dict[str, Any]]:
        """Every version of the service that there was, oldest first."""
        return [
            dict(change.object)
            for change in self.changes
            if change.resource == INFERENCE_SERVICES.plural
            and change.object["metadata"]["name"] == name
        ]


class Meeting:
    """Services of one racer; opens the gate once it has twice met the rollout of another.

    By then it cannot overlook the other one any more, however slow it is.
    """

    def __init__(self, whole: ServiceClient, holder: str, met: Callable[[], None]) -> None:
        self._whole, self._holder, self._met, self._times = whole, holder, met, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def get(self, name: str) -> ServiceView | None:
        view = self._whole.get(name)
        state = rollout_of(view) if view else None
        if state and state.holder.startswith("racer") and state.holder != self._holder:
            self._times += 1
        if self._times == 2:
            self._met()
        return view


@contextmanager
def arena(home: Path) -> Iterator[Arena]:
    ready, found = threading.Event(), []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def main() -> None:
        store, pretended = Store(home / "platform.db"), Pretended()
        wiring = Wiring(store, pretended, Nowhere(), "http://127.0.0.1:1")  # type: ignore[arg-type]
        controller = asyncio.create_task(Controller(wiring).run())
        runner = web.AppRunner(make_app(store, gateway_url="http://127.0.0.1:1"), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        kubeconfig.write(home / "kubeconfig", url, "default")
        found.append(Arena(home, pretended, connect(home / "kubeconfig", "default")))
        store.subscribe(found[0].changes.append)
        ready.set()
        await stop.wait()
        controller.cancel()
        with suppress(asyncio.CancelledError):
            await controller
        await runner.cleanup()
        store.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    assert ready.wait(20)
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()
