"""Everything outside that a rollout needs, as one value; tests pass another one."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from serving.errors import NotFound
from serving.isvc.drivers import Driver, ServiceDriver
from serving.isvc.modes import Mode
from serving.isvc.resource import ServiceView
from serving.isvc.services import Services, Unreachable
from serving.rollout.actor import actor
from serving.rollout.ledger import Ledger
from serving.rollout.outcome import Event, Recorder
from serving.rollout.shadow import HttpShadow, Shadow
from serving.rollout.sources import ChosenSource, Source

OUTAGE_S = 30.0
RETRY_S = 0.5


def _somebody() -> str:
    """Return a name for this process that no other one has, readable in a conflict's sentence."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def _ignore(event: Event) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class World:
    """The API server, registry, ledger, numbers, clock (seconds since 1970) and an audience.

    `mode` and `account`, the ServiceAccount of pods, are for services that are still to be made;
    None and "": as the cluster has it. `actor`: who decides, for people.
    """

    services: Services
    recorder: Recorder
    ledger: Ledger
    source: Source = field(default_factory=ChosenSource)
    shadow: Shadow = field(default_factory=HttpShadow)
    driver: Driver = field(default_factory=ServiceDriver)
    mode: Mode | None = None
    account: str = ""
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    report: Callable[[Event], None] = _ignore
    holder: str = field(default_factory=_somebody)
    actor: str = field(default_factory=actor)

    def find(self, name: str) -> ServiceView | None:
        """Return the service, None if there is none; an API server that restarts is waited for."""
        deadline = self.clock() + OUTAGE_S
        while True:
            try:
                return self.services.get(name)
            except Unreachable:
                now = self.clock()
                # A clock that is set back meanwhile must not make it longer.
                deadline = min(deadline, now + OUTAGE_S)
                if now >= deadline:
                    raise
                self.sleep(RETRY_S)

    def read(self, name: str) -> ServiceView:
        """Return the service as it is now. Raises NotFound, and Unreachable without waiting."""
        view = self.services.get(name)
        if view is None:
            raise NotFound(
                f"there is no service {name} in namespace {self.services.namespace}; "
                "`kubectl get isvc` lists those there are."
            )
        return view
