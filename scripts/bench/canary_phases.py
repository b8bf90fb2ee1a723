"""Canaries under steady traffic, one phase after another, and what became of every request.

Splits are changed as a rollout does it: storageUri at 0 %, then one patch per percent.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from scripts.bench.home import NAME, Home
from scripts.bench.load import Answer, Traffic, inexact, split_of
from serving.errors import PlatformError
from serving.isvc.drivers import KnativeDriver
from serving.isvc.resource import ServiceView

KILLS = 3
SHOWN = 3
DEADLINE_S = 90.0
IN_VAIN = "502"

Split = Mapping[str, int]


@dataclass(frozen=True)
class Counters:
    """What the gateway has counted so far: requests sent again, and tries that got no answer."""

    retried: float
    in_vain: float


@dataclass(frozen=True)
class Phase:
    """One change of the split, and a steady time after it."""

    name: str
    requests: int
    failed: tuple[Answer, ...]
    retried: int
    in_vain: int
    worst_ms: float
    steady: int
    inexact: int

    def sentence(self) -> str:
        """Return it in one line."""
        return (
            f"{self.name:<10} {self.requests:5} requests, {len(self.failed)} failed, "
            f"{self.retried} retried ({self.in_vain} after no answer), "
            f"worst {self.worst_ms:.1f} ms; "
            f"split exact in {self.steady - self.inexact} of {self.steady} hundreds"
            + "".join(f"\n    failed: {answer}" for answer in self.failed[:SHOWN])
        )


class Play:
    """One service, its traffic, and the phases so far."""

    def __init__(self, home: Home, traffic: Traffic, *, steady: int) -> None:
        """Watch `steady` windows of 100 requests after each change."""
        self._home, self._traffic, self._steady = home, traffic, steady
        self._driver, self._services = KnativeDriver(), home.services
        self._seen = 0
        self.phases: list[Phase] = []

    async def promoted(self, uri: str) -> None:
        """Play a canary that is given 10, 50 and 100 % of the traffic."""
        stable = (await self._view()).rolled_out

        async def to_10() -> Split:
            return await self._canary(uri, stable, 10)

        async def to_50() -> Split:
            return await self._share(stable, 50)

        async def to_100() -> Split:
            view = await self._view()
            await self._patch(self._driver.promote(view))
            return await self._live({view.latest_created: 100})

        await self._phase("canary_10", to_10)
        await self._phase("canary_50", to_50)
        await self._phase("promoted", to_100)

    async def rolled_back(self, uri: str) -> None:
        """Play a canary that is given 50 % of the traffic, then none."""
        stable = (await self._view()).rolled_out

        async def to_50() -> Split:
            return await self._canary(uri, stable, 50)

        async def to_0() -> Split:
            await self._patch(self._driver.roll_back(await self._view()))
            return await self._live({stable: 100})

        await self._phase("second_50", to_50)
        await self._phase("rollback_0", to_0)

    async def killed(self, uri: str) -> None:
        """Play a canary at 50 % whose process is killed again and again, and comes back."""
        stable = (await self._view()).rolled_out

        async def to_50() -> Split:
            return await self._canary(uri, stable, 50)

        async def kills() -> Split:
            canary = (await self._view()).latest_created
            for _ in range(KILLS):
                await self._kill(canary)
            return {stable: 50, canary: 50}

        await self._phase("third_50", to_50)
        await self._phase("killed", kills)

    async def _phase(self, name: str, change: Callable[[], Awaitable[Split]]) -> None:
        """Make the change, watch for a while, and keep what was seen since the last phase."""
        before = await asyncio.to_thread(self._counters)
        split = await change()
        first = len(self._traffic.windows) + 1  # the window under way saw both splits
        await self._traffic.until(first + self._steady)
        after = await asyncio.to_thread(self._counters)
        windows = self._traffic.windows[self._seen :]
        steady = self._traffic.windows[first:]
        self._seen += len(windows)
        self.phases.append(phase_of(name, windows, (before, after), (steady, split)))
        print(f"  {self.phases[-1].sentence()}", flush=True)

    async def _canary(self, uri: str, stable: str, percent: int) -> Split:
        before = await self._view()
        await self._patch(self._driver.begin(before, uri, 0))
        await self._until(
            lambda view: (
                view.latest_created != before.latest_created and self._driver.canary_ready(view)
            ),
            "the canary is ready",
        )
        return await self._share(stable, percent)

    async def _share(self, stable: str, percent: int) -> Split:
        view = await self._view()
        await self._patch(self._driver.set_percent(view, percent))
        return await self._live({stable: 100 - percent, view.latest_created: percent})

    async def _live(self, split: Split) -> Split:
        """Return the split once it is in the status; the gateway is told before that."""
        await self._until(lambda view: self._split(view) == split, f"the split is {split}")
        return split

    def _split(self, view: ServiceView) -> Split:
        return {name: share for name, share in self._driver.live_split(view).items() if share}

    async def _kill(self, revision: str) -> None:
        """Kill the revision's process while a request is under way; wait until it serves again."""
        pid = await asyncio.to_thread(self._home.pid, revision)
        while not self._traffic.client.under_way:
            await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        after = len(self._traffic.windows) + 1
        await self._until(
            lambda _: any(revision in split_of(w) for w in self._traffic.windows[after:]),
            f"{revision} serves again",
        )

    async def _until(self, condition: Callable[[ServiceView], bool], what: str) -> None:
        end = time.monotonic() + DEADLINE_S
        while not condition(await self._view()):
            if time.monotonic() > end:
                logs = self._home.settings.home / "logs"
                raise PlatformError(f"waited {DEADLINE_S:.0f} s until {what}; look into {logs}.")
            await asyncio.sleep(0.05)

    async def _view(self) -> ServiceView:
        return await asyncio.to_thread(self._home.view)

    async def _patch(self, spec: Mapping[str, Any]) -> None:
        await asyncio.to_thread(self._services.patch, NAME, {"spec": dict(spec)})

    def _counters(self) -> Counters:
        url = f"{self._home.platform.gateway_url}/metrics"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=10) as answer:
            return counters_of(answer.read().decode())


def phase_of(
    name: str,
    windows: Sequence[Sequence[Answer]],
    counted: tuple[Counters, Counters],
    steady: tuple[Sequence[Sequence[Answer]], Split],
) -> Phase:
    """Return a phase from its windows, the counters around it, its steady windows and their split.

    The counters may hold a few requests of the window that was under way.
    """
    answers, (before, after) = list(chain.from_iterable(windows)), counted
    return Phase(
        name=name,
        requests=len(answers),
        failed=tuple(answer for answer in answers if answer.failed),
        retried=round(after.retried - before.retried),
        in_vain=round(after.in_vain - before.in_vain),
        worst_ms=max(answer.seconds for answer in answers) * 1000,
        steady=len(steady[0]),
        inexact=inexact(*steady),
    )


def counters_of(text: str) -> Counters:
    """Return the counters out of the gateway's metrics."""
    from prometheus_client.parser import text_string_to_metric_families

    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    retried = sum(s.value for s in samples if s.name == "kanarya_retries_total")
    tries = [s for s in samples if s.name == "kanarya_requests_total"]
    return Counters(retried, sum(s.value for s in tries if s.labels["code"] == IN_VAIN))
