"""The local control plane with real processes behind it, in a thread: API, controller, gateway."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from serving.isvc.client import ServiceClient, connect
from serving.isvc.modes import Mode
from serving.local import kubeconfig
from serving.local.api import make_app
from serving.local.controller import Controller, Wiring
from serving.local.gateway import Gateway
from serving.local.launching import launching
from serving.local.processes import Places, Processes
from serving.local.store import Store
from serving.rollout.ledger import StoredLedger
from tests.serving.contract.ground import How
from tests.serving.contract.grounds import Real
from tests.serving.local.platform_kit import FAKE, QUICK

# What makes the stand-in predictor do so.
WORDS = {"damaged": "crash", "stuck": "held"}


@dataclass
class Plane:
    home: Path
    client: ServiceClient
    names: Iterator[int] = field(default_factory=itertools.count)

    def ground(self, mode: Mode) -> Real:
        """A ground with a service of its own; a Deployment does not say why it fails."""
        name = f"iris{next(self.names)}"

        def publish(version: str, how: How) -> str:
            directory = self.home / "models" / name / version
            directory.mkdir(parents=True, exist_ok=True)
            if how in WORDS:
                (directory / WORDS[how]).touch()
            return directory.as_uri()

        ledger = StoredLedger(str(self.home / "ledger"))
        return Real(name, mode, self.client, ledger, publish, tells_failures=mode is Mode.KNATIVE)


async def _serve(home: Path, ready: threading.Event, stop: asyncio.Event) -> None:
    store, gateway = Store(home / "platform.db"), Gateway()
    url = f"http://127.0.0.1:{await gateway.start('127.0.0.1', 0)}"
    places = Places(home / "logs", home / "cache")
    processes = Processes(places, gateway, launching(FAKE), QUICK)
    controller = asyncio.create_task(Controller(Wiring(store, processes, gateway, url)).run())
    runner = web.AppRunner(make_app(store, gateway_url=url), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    kubeconfig.write(home / "kubeconfig", f"http://127.0.0.1:{runner.addresses[0][1]}", "default")
    ready.set()
    await stop.wait()
    controller.cancel()
    with suppress(asyncio.CancelledError):
        await controller
    await runner.cleanup()
    await gateway.stop()
    await processes.close()
    store.close()


@contextmanager
def plane(home: Path) -> Iterator[Plane]:
    """Run the control plane below `home`; ends every process at the end."""
    ready, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    def main() -> None:
        loop.run_until_complete(_serve(home, ready, stop))
        loop.close()

    thread = threading.Thread(target=main)
    thread.start()
    try:
        assert ready.wait(20)
        yield Plane(home, connect(home / "kubeconfig", "default"))
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        assert not thread.is_alive()
