"""Twenty changes of a service's split while requests come in, and what became of each of these.

Among the changes are promotions, rollbacks, a rollback after a promotion (Knative), two canaries at
once and rolling updates (Standard). Everything goes through the Kubernetes API, as a rollout's do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from scripts.bench.load import Answer, Client
from scripts.bench.split_objects import JSON, Objects, predictor, waited
from serving.local.standard import deployment_name

CONNECTIONS = 16


@dataclass(frozen=True)
class Change:
    """A merge patch of the spec, and how to see in the objects that it is in force."""

    spec: Mapping[str, Any]
    in_force: Callable[[Objects], bool]


@dataclass(frozen=True)
class Loss:
    """How many requests were sent while the split changed, and which got no prediction."""

    mode: str
    changes: int
    requests: int
    failed: tuple[Answer, ...]

    def sentence(self) -> str:
        """Return it in one line, with the first failures."""
        shown = "".join(f"\n    {answer}" for answer in self.failed[:3])
        counted = f"{self.requests} requests, {self.changes} changes, {len(self.failed)} lost"
        return f"{self.mode}: {counted}{shown}"


def knative_changes(uris: Sequence[str]) -> Iterator[Change]:
    """Yield 20 changes of a service in Knative mode that serves one version; uris are reused."""
    models = cycle(uris)
    yield _begun(next(models))
    for percent in (10, 25, 50, 75, 99, None):
        yield _share(percent)
    yield _share(0)  # a rollback after the promotion, and back again
    yield _share(None)
    yield _begun(next(models))
    for percent in (10, 50, 90, 0):  # a rollback in the middle
        yield _share(percent)
    yield _begun(next(models))
    for percent in (20, 60, 90, None):
        yield _share(percent)
    yield Change({"predictor": predictor(next(models))}, _newest_gets(100))


def _begun(uri: str) -> Change:
    return Change({"predictor": {**predictor(uri), "canaryTrafficPercent": 0}}, _newest_gets(0))


def _share(percent: int | None) -> Change:
    spec = {"predictor": {"canaryTrafficPercent": percent}}
    return Change(spec, _newest_gets(100 if percent is None else percent))


def _newest_gets(percent: int) -> Callable[[Objects], bool]:
    def in_force(objects: Objects) -> bool:
        found = objects.predictor()
        newest = found.get("latestCreatedRevision", "")
        ready = newest == found.get("latestReadyRevision", "")
        return ready and objects.split().get(newest, 0) == percent

    return in_force


def standard_changes(service: str, uris: Sequence[str]) -> Iterator[Change]:
    """Yield 20 changes of a service in Standard mode that serves one version without a name."""
    play = StandardPlay(service, uris)
    for percent in (10, 25, 50, 75, 99):
        yield play.split(v2=percent)
    yield play.promoted("v2")
    for percent in (10, 50, 90):
        yield play.split(v3=percent)
    yield play.split()
    yield play.split(v4=20, v5=30)
    yield play.split(v4=50, v5=50)
    yield play.split(v4=60)
    yield play.promoted("v4")
    yield play.updated()
    yield play.updated()
    for percent in (0, 50, 100):
        yield play.split(v6=percent)
    yield play.split()


class StandardPlay:
    """A service in Standard mode as its changes so far have left it."""

    def __init__(self, service: str, uris: Sequence[str]) -> None:
        """Begin with a stable predictor without a name."""
        self._service, self._stable = service, ""
        self._models = cycle(uris)
        self._uris: dict[str, str] = {}
        self._shares: dict[str, int] = {}

    def split(self, **shares: int) -> Change:
        """Return the change to these canaries and no others."""
        for name in shares:
            self._uris[name] = self._uris.get(name) or next(self._models)
        self._shares = shares
        entries = [_canary(name, share, self._uris[name]) for name, share in shares.items()]
        return Change({"canary": entries}, self._routed())

    def promoted(self, name: str) -> Change:
        """Return the change that makes a canary the stable predictor."""
        self._stable, self._shares = name, {}
        stable = predictor(self._uris[name], name=name)
        return Change({"predictor": stable, "canary": []}, self._routed())

    def updated(self) -> Change:
        """Return the change that gives the stable predictor another model, in place."""
        uri, name = next(self._models), self._deployment(self._stable)

        def replaced(objects: Objects) -> bool:
            return objects.models().get(name) == [uri]

        return Change({"predictor": predictor(uri)}, replaced)

    def _routed(self) -> Callable[[Objects], bool]:
        left = 100 - sum(self._shares.values())
        wanted = {self._deployment(name): share for name, share in self._shares.items()}
        wanted[self._deployment(self._stable)] = left
        return lambda objects: objects.weights() == wanted

    def _deployment(self, name: str) -> str:
        return deployment_name(self._service, name)


def _canary(name: str, percent: int, uri: str) -> JSON:
    return {"trafficPercent": percent, "predictor": predictor(uri, name=name, minReplicas=1)}


class Flow:
    """Requests without a pause on several connections, as long as the block runs."""

    def __init__(self, client: Client, connections: int = CONNECTIONS) -> None:
        """Ask nothing yet."""
        self._client, self._connections = client, connections
        self.count = 0
        self.failed: list[Answer] = []

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Ask; at the end wait for what is under way."""
        ending = asyncio.Event()
        asking = [asyncio.create_task(self._ask(ending)) for _ in range(self._connections)]
        try:
            yield
        finally:
            ending.set()
            await asyncio.gather(*asking)

    async def until(self, count: int) -> None:
        """Wait until so many requests have been answered."""
        while self.count < count:
            await asyncio.sleep(0.005)

    async def _ask(self, ending: asyncio.Event) -> None:
        while not ending.is_set():
            answer = await self._client.ask()
            self.count += 1
            if answer.failed:
                self.failed.append(answer)


async def lost(
    mode: str, objects: Objects, changes: Sequence[Change], client: Client, requests: int
) -> Loss:
    """Return what became of at least `requests` requests, spread evenly over the changes."""
    flow = Flow(client)
    async with flow.flowing():
        for number, change in enumerate(changes):
            await flow.until(requests * (number + 1) // (len(changes) + 1))
            await asyncio.to_thread(_made, objects, change, number)
        await flow.until(requests)
    client.close()
    return Loss(mode, len(changes), flow.count, tuple(flow.failed))


def _made(objects: Objects, change: Change, number: int) -> None:
    objects.patch(change.spec)
    waited(lambda: change.in_force(objects), f"change {number + 1} of the split is in force")
