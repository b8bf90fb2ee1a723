"""Rollouts on the real local control plane: API, controller, processes, gateway, live traffic."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp
import numpy as np
import psutil
import pytest
from aiohttp import web

from serving.artifact import Golden, write_golden
from serving.isvc.client import ServiceClient, connect
from serving.isvc.resource import ServiceView
from serving.local import kubeconfig
from serving.local.api import make_app
from serving.local.controller import Controller, Wiring
from serving.local.gateway import Gateway
from serving.local.launching import launching
from serving.local.processes import Places, Processes
from serving.local.store import Store
from serving.rollout import manual
from serving.rollout.begin import run
from serving.rollout.ledger import StoredLedger
from serving.rollout.observation import Observation
from serving.rollout.outcome import Outcome, Request
from serving.rollout.policy import Policy
from serving.rollout.sources import ChosenSource
from serving.rollout.state import Phase, Rollout, rollout_of
from serving.rollout.undo import rollback
from serving.rollout.world import World
from tests.serving.local.platform_kit import QUICK, soon
from tests.serving.rollout.fake_cluster import FakeRecorder

pytestmark = pytest.mark.e2e

PREDICTOR = (sys.executable, "-S", str(Path(__file__).with_name("erring_predictor.py")))
POLICY = Policy(
    steps=(20, 50, 100),
    min_requests=20,
    max_seconds=20,
    max_error_increase=0.1,
    max_latency_ratio=50,
    ready_timeout_s=20,
)

SHADOW = replace(POLICY, shadow_requests=100)
ROWS = 30
ENDS = ("promoted", "rolled_back")


@dataclass
class Laptop:
    home: Path
    client: ServiceClient
    codes: Counter[int]
    ledger: StoredLedger
    recorder: FakeRecorder = field(default_factory=FakeRecorder)

    def deploy(self, version: str, *words: str, policy: Policy = POLICY) -> Outcome:
        return run(self.world(), Request("iris", version, self.model(version, *words), policy))

    def model(self, version: str, *words: str) -> str:
        """A model directory, with golden rows and nothing else that anybody reads."""
        directory = self.home / "models" / version
        directory.mkdir(parents=True)
        for word in words:
            (directory / word).touch()
        cells = np.arange(ROWS, dtype=np.float32).reshape(-1, 1)
        write_golden(directory, Golden({"a": cells}, np.full((ROWS, 2), 0.5, np.float32)))
        return directory.as_uri()

    def state(self) -> Rollout:
        view = self.client.get("iris")
        found = rollout_of(view) if view else None
        assert found is not None
        return found

    def world(self) -> World:
        return World(self.client, self.recorder, self.ledger)

    def view(self) -> ServiceView:
        view = self.client.get("iris")
        assert view is not None
        return view

    def live(self) -> list[tuple[str, int]]:
        return [(x.revision[-1], x.percent) for x in self.view().traffic if x.percent]


async def ask(gateway: str, codes: Counter[int]) -> None:
    """Ask for ever, 200 times a second at most; count what a client sees."""
    async with aiohttp.ClientSession() as http:
        while True:
            url = f"{gateway}/serving/default/iris/v1/models/iris:predict"
            async with http.post(url, data=b"{}") as answer:
                codes[answer.status] += 1
            await asyncio.sleep(0.005)


async def everything(
    home: Path, ready: threading.Event, stop: asyncio.Event, codes: Counter[int]
) -> None:
    store, gateway = Store(home / "platform.db"), Gateway()
    url = f"http://127.0.0.1:{await gateway.start('127.0.0.1', 0)}"
    processes = Processes(
        Places(home / "logs", home / "cache"), gateway, launching(PREDICTOR), QUICK
    )
    controller = asyncio.create_task(Controller(Wiring(store, processes, gateway, url)).run())
    runner = web.AppRunner(make_app(store, gateway_url=url), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    kubeconfig.write(home / "kubeconfig", f"http://127.0.0.1:{runner.addresses[0][1]}", "default")
    traffic = asyncio.create_task(ask(url, codes))
    ready.set()
    await stop.wait()
    for task in (traffic, controller):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await runner.cleanup()
    await gateway.stop()
    await processes.close()
    store.close()


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    ready, codes = threading.Event(), Counter[int]()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    def main() -> None:
        loop.run_until_complete(everything(tmp_path, ready, stop, codes))
        loop.close()

    thread = threading.Thread(target=main)
    thread.start()
    assert ready.wait(20)
    client = connect(tmp_path / "kubeconfig", "default")
    yield Laptop(tmp_path, client, codes, StoredLedger(str(tmp_path / "ledger")))
    loop.call_soon_threadsafe(stop.set)
    thread.join(30)
    assert not thread.is_alive()


def test_good_bad_broken_and_undone_versions_under_traffic(laptop: Laptop) -> None:
    first = laptop.deploy("1")
    assert (first.kind, first.live_version) == ("promoted", "1")
    laptop.codes.clear()

    second = laptop.deploy("2")
    assert (second.kind, second.live_version) == ("promoted", "2"), second
    assert laptop.live() == [("2", 100)]
    assert set(laptop.codes) == {200}

    third = laptop.deploy("3", "errors")
    assert (third.kind, third.live_version) == ("rolled_back", "2"), third
    assert "error rate 100.0 % (canary" in third.reason
    assert laptop.live() == [("2", 100)]

    fourth = laptop.deploy("4", "damaged")
    assert (fourth.kind, fourth.live_version) == ("rolled_back", "2"), fourth
    assert "model.onnx is damaged" in fourth.reason

    laptop.codes.clear()
    fifth = laptop.deploy("5", "dies")
    assert (fifth.kind, fifth.live_version) == ("rolled_back", "2"), fifth
    assert set(laptop.codes) == {200}

    seen = ChosenSource().observe(laptop.view(), 1.0)
    assert isinstance(seen, Observation)
    live = seen.of(laptop.view().rolled_out)
    assert live.requests > 0, "the gateway's number"
    assert live.classes["setosa"] > 0, "the predictor's, by the address of its tag"

    sixth = laptop.deploy("6")
    assert (sixth.kind, sixth.live_version) == ("promoted", "6"), sixth
    undone = rollback(laptop.world(), "iris")
    assert (undone.kind, undone.live_version) == ("rolled_back", "2"), undone
    assert laptop.live() == [("2", 100)]
    assert laptop.recorder.written == {
        "1": "promoted",
        "2": "promoted",
        "3": "rolled back",
        "4": "rolled back",
        "5": "rolled back",
        "6": "rolled back",
    }

    further = rollback(laptop.world(), "iris")
    assert (further.kind, further.version, further.live_version) == ("rolled_back", "2", "1")
    assert laptop.live() == [("7", 100)]
    assert set(laptop.codes) == {200}
    records = laptop.ledger.chain("iris").records
    assert [(r.entry.kind, r.entry.to.version) for r in records if r.entry.kind in ENDS] == [
        ("promoted", "1"),
        ("promoted", "2"),
        ("rolled_back", "3"),
        ("rolled_back", "4"),
        ("rolled_back", "5"),
        ("promoted", "6"),
        ("rolled_back", "6"),
        ("promoted", "1"),
    ]


def test_a_bad_shadow_never_answers_anybody_and_a_good_one_goes_on(laptop: Laptop) -> None:
    assert laptop.deploy("1", policy=SHADOW).kind == "promoted"
    laptop.codes.clear()
    for version, word in (("2", "errors"), ("3", "differs")):
        bad = laptop.deploy(version, word, policy=SHADOW)
        assert (bad.kind, bad.live_version) == ("rolled_back", "1"), bad
        assert f"bad in the shadow: {ROWS} rows of the 100 that were wanted" in bad.reason
        kinds = [r.entry.kind for r in laptop.ledger.chain("iris").records]
        assert kinds[-3:] == ["begun", "rolling_back", "rolled_back"], "never given a share"
    good = laptop.deploy("4", policy=SHADOW)
    assert good.reason == "version 4 was good in the shadow, at 20 %, 50 %"
    assert set(laptop.codes) == {200}


ONE_ROLLOUT = Path(__file__).with_name("one_rollout.py")


def begun_beside(laptop: Laptop, version: str, *words: str) -> subprocess.Popen[bytes]:
    """A rollout in a process of its own."""
    arguments = (str(laptop.home), version, laptop.model(version, *words))
    root = Path(__file__).parents[3]
    return subprocess.Popen([sys.executable, str(ONE_ROLLOUT), *arguments], cwd=root)


def test_a_process_killed_in_the_shadow_is_taken_over_where_it_was(laptop: Laptop) -> None:
    assert laptop.deploy("1").kind == "promoted"
    process = begun_beside(laptop, "2", "slow")
    soon(lambda: laptop.state().shadow and laptop.state().phase is Phase.SHADOWING, "a tally")
    psutil.Process(process.pid).kill()
    process.wait()
    left = laptop.state()
    assert left.shadow is not None and 0 < left.shadow.shadowed.asked < ROWS
    outcome = manual.resume(laptop.world(), "iris")
    assert (outcome.kind, outcome.live_version) == ("promoted", "2"), outcome
    assert f"{ROWS} rows of the 100 that were wanted were asked of both" in outcome.evidence[0]
    kinds = [r.entry.kind for r in laptop.ledger.chain("iris").records if r.entry.to.version == "2"]
    assert kinds == ["begun", "taken_over", "split", "split", "promoting", "promoted"]


def test_a_person_approves_from_another_process(laptop: Laptop) -> None:
    assert laptop.deploy("1").kind == "promoted"
    process = begun_beside(laptop, "2", "approve")
    soon(lambda: laptop.state().phase is Phase.APPROVAL, "an approval")
    assert laptop.state().asking == 50
    said = manual.approve(laptop.world(), "iris")
    assert said.kind == "under_way", said
    assert process.wait(30) == 0
    assert (laptop.state().phase, laptop.live()) == (Phase.PROMOTED, [("2", 100)])
