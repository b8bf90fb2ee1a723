"""Everything outside that a rollout needs, as one value; tests pass another one."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from serving.errors import NotFound
from serving.isvc.drivers import Driver, ServiceDriver
from serving.isvc.modes import Mode
from serving.isvc.resource import ServiceView
from serving.isvc.services import Services, Unreachable
from serving.rollout.actor import actor
from serving.rollout.ledger import Ledger
from serving.rollout.outcome import Event, Recorder, Stuck
from serving.rollout.shadow import HttpShadow, Shadow
from serving.rollout.sources import ChosenSource, Source

T = TypeVar("T")

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
    None and "": as the cluster has it. `actor`: who decides, for people. `refusals`: why the newest
    change that was to be made was not, for whoever gives up at last.
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
    refusals: deque[str] = field(default_factory=partial(deque, maxlen=1))

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

    def insist(self, name: str, attempt: Callable[[], T | None]) -> T:
        """Return what an attempt comes to that others may hinder; one that they did is None.

        Raises Stuck where it is hindered again and again for OUTAGE_S.
        """
        for _ in range(round(OUTAGE_S / RETRY_S)):
            found = attempt()
            if found is not None:
                return found
            self.sleep(RETRY_S)
        raise Stuck(self.hindered(name, OUTAGE_S))

    def hindered(self, name: str, seconds: float) -> str:
        """Return the sentence for changes that were refused, or lost, one after the other."""
        why = self.refusals[-1].rstrip(".") if self.refusals else "somebody else was quicker"
        return (
            f"{name}: for {seconds:g} s no change of it could be made ({why}); mend that and try "
            f"again, with `kanarya rollout resume {name}` where its rollout had begun."
        )

    def read(self, name: str) -> ServiceView:
        """Return the service as it is now. Raises NotFound, and Unreachable without waiting."""
        view = self.services.get(name)
        if view is None:
            raise NotFound(
                f"there is no service {name} in namespace {self.services.namespace}; "
                "`kubectl get isvc` lists those there are."
            )
        return view
