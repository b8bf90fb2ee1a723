"""What the control plane's tests share: models, a platform in this process, and waiting."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from serving.local.admission import admitted
from serving.local.backoff import Backoff
from serving.local.controller import Controller, Wiring
from serving.local.gateway import Gateway
from serving.local.launching import launching
from serving.local.patches import merge
from serving.local.processes import Places, Processes
from serving.local.resources import EVENTS, INFERENCE_SERVICES
from serving.local.runner import Timing
from serving.local.store import Store, utc_now
from tests.serving.local.a3_rows import Loaded, Loads, Patch, seen_in

FAKE = (sys.executable, "-S", str(Path(__file__).with_name("fake_predictor.py")))
DEADLINE_S = 60.0
QUICK = Timing(
    poll_s=0.01,
    watch_s=0.02,
    probe_timeout_s=2.0,  # a busy machine is not a hung process
    misses=2,
    hung_s=0.3,
    load_s=10.0,
    grace_s=5.0,
    backoff=Backoff(first_s=0.02, ceiling_s=0.2),
)
FILES = {Loads.WHEN_TOLD: "held", Loads.NEVER: "crash"}


async def eventually(found: Callable[[], Any], what: str = "") -> Any:
    """Return what `found` returns once it is true; it must be within the deadline."""
    end = time.monotonic() + DEADLINE_S
    while not (result := found()):
        assert time.monotonic() < end, f"not within {DEADLINE_S} s: {what or found}"
        await asyncio.sleep(0.01)
    return result


def soon(found: Callable[[], Any], what: str = "") -> Any:
    """Return what `found` returns once it is true, for tests without a loop."""
    end = time.monotonic() + DEADLINE_S
    while not (result := found()):
        assert time.monotonic() < end, f"not within {DEADLINE_S} s: {what or found}"
        time.sleep(0.02)
    return result


class Models:
    """Directories that tell the fake predictor how to behave."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def make(self, name: str, loads: Loads = Loads.AT_ONCE) -> str:
        directory = self.root / name
        directory.mkdir(parents=True, exist_ok=True)
        if loads in FILES:
            (directory / FILES[loads]).touch()
        return directory.as_uri()

    def load(self, name: str) -> None:
        (self.root / name / "go").touch()

    def perform(self, operation: Patch | Loaded) -> dict[str, Any] | None:
        """Return the patch of spec.predictor; None after a model was let load."""
        if isinstance(operation, Loaded):
            self.load(operation.uri)
            return None
        return operation.predictor(operation.uri and self.make(operation.uri, operation.loads))


def service(name: str, predictor: dict[str, Any], **annotations: str) -> dict[str, Any]:
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": "ml", "annotations": annotations},
        "spec": {"predictor": predictor},
    }


@dataclass
class Platform:
    """Store, controller, processes and gateway, without the Kubernetes API."""

    store: Store
    processes: Processes
    gateway: Gateway
    url: str
    logs: Path
    http: aiohttp.ClientSession

    def isvc(self, name: str = "iris") -> dict[str, Any]:
        return self.store.get(INFERENCE_SERVICES, "ml", name)

    def status(self, name: str = "iris") -> dict[str, Any]:
        return self.isvc(name).get("status", {})

    def condition(self, kind: str = "Ready", name: str = "iris") -> dict[str, Any]:
        found = self.status(name).get("conditions", ())
        return next((each for each in found if each["type"] == kind), {})

    def create(self, predictor: dict[str, Any], name: str = "iris", **annotations: str) -> None:
        self.store.create(INFERENCE_SERVICES, service(name, predictor, **annotations))

    def create_standard(self, predictor: dict[str, Any], **annotations: str) -> None:
        mode = {"serving.kserve.io/deploymentMode": "Standard"}
        self.create(predictor, **mode, **annotations)

    def patch(self, predictor: dict[str, Any], name: str = "iris") -> None:
        """Merge into spec.predictor, one level deep, as the rows need it."""
        isvc = self.isvc(name)
        merged = {**isvc["spec"]["predictor"], **predictor}
        kept = {key: value for key, value in merged.items() if value is not None}
        self.store.replace(INFERENCE_SERVICES, {**isvc, "spec": {"predictor": kept}})

    def change(self, name: str = "iris", **spec: Any) -> None:
        """Apply a merge patch of the spec, through KServe's webhooks."""
        isvc = self.isvc(name)
        self.store.replace(INFERENCE_SERVICES, admitted(merge(isvc, {"spec": spec}), isvc))

    def annotate(self, name: str = "iris", **annotations: str) -> None:
        isvc = self.isvc(name)
        metadata = {**isvc["metadata"], "annotations": annotations}
        self.store.replace(INFERENCE_SERVICES, {**isvc, "metadata": metadata})

    async def ask(self, name: str = "iris", **body: Any) -> dict[str, Any]:
        """Return a prediction, which says who made it; it must not fail."""
        url = f"{self.url}/serving/ml/{name}/v1/models/iris:predict"
        async with self.http.post(url, json=body) as response:
            assert response.status == 200, await response.text()
            return dict(await response.json())

    async def answering(self) -> dict[str, int]:
        """Return the percent of predictions that each revision answers: `{"v1": 90, "v2": 10}`.

        Ten predictions tell it: the gateway deals them out evenly.
        """
        answers = [await self.ask() for _ in range(10)]
        names = [f"v{int(answer['revision'][-5:])}" for answer in answers]
        return {name: 10 * names.count(name) for name in sorted(set(names))}


@asynccontextmanager
async def platform(
    home: Path,
    timing: Timing = QUICK,
    resync_s: float = 0.5,
    predictor: Sequence[str] = FAKE,
    clock: Callable[[], datetime] = utc_now,
) -> AsyncIterator[Platform]:
    """Run everything in this process, on what `home` holds; ends every process at the end."""
    store, gateway = Store(home / "platform.db"), Gateway()
    port = await gateway.start("127.0.0.1", 0)
    url = f"http://127.0.0.1:{port}"
    processes = Processes(
        Places(home / "logs", home / "cache"), gateway, launching(predictor), timing
    )
    controller = Controller(Wiring(store, processes, gateway, url, clock, resync_s))
    running = asyncio.create_task(controller.run())
    await asyncio.sleep(0)  # the first round has looked at everything
    try:
        async with aiohttp.ClientSession() as http:
            yield Platform(store, processes, gateway, url, home / "logs", http)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await gateway.stop()
        await processes.close()
        store.close()


def run(test: Coroutine[Any, Any, None]) -> None:
    uvloop.run(test)  # as the platform does


def model(uri: str, **more: Any) -> dict[str, Any]:
    return {"model": {"modelFormat": {"name": "onnx"}, "storageUri": uri, **more}}


def events(on: Platform) -> list[tuple[str, str, str]]:
    found, _ = on.store.list(EVENTS, "ml")
    return [(each["type"], each["reason"], each["message"]) for each in found]


async def ready(on: Platform, status: str = "True", name: str = "iris") -> None:
    await eventually(lambda: on.condition(name=name).get("status") == status, f"Ready={status}")


async def live(on: Platform, models: Models, *, canary: int | None = None) -> None:
    """Have m1 live, and m2 as a canary where a percent is given."""
    on.create(model(models.make("m1")))
    await ready(on)
    if canary is not None:
        on.patch({**model(models.make("m2")), "canaryTrafficPercent": canary})
        await eventually(lambda: f"v2*:{canary}" in seen_in(on.status()).traffic)
