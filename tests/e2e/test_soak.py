"""Runs and rollouts for half an hour under traffic: memory and open files stay as they were."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median

import psutil
import pytest

from console import background
from pipelines import workers
from pipelines.journal import RunFolder
from pipelines.run_events import result
from scripts.demo.traffic import Traffic
from serving.local import platform
from tests.e2e.chaos_rig import BODIES, Rig, asked
from tests.e2e.conftest import IRIS, eventually

MINUTES = float(os.environ.get("KANARYA_SOAK_MINUTES") or 5)
pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(MINUTES * 60 + 600)]

PATH = "/serving/default/iris/v1/models/iris:predict"
CHANGES = (
    "name=daisy",
    "gate.champion.margin=1",
    "rollout.steps=[50, 100]",
    "rollout.max_seconds=0.5",
    "rollout.on_inconclusive=promote",
)
KINDS = ("model={kind: logistic_regression}", "model={kind: linear_svm}")
MORE_MB, MORE_FILES = 12.0, 4
"""What a process may hold more at the end than after the first third."""


@dataclass(frozen=True)
class Sample:
    """What a process held: unshared memory in MB, open files and sockets, threads."""

    mb: float
    files: int
    threads: int


@pytest.fixture
def rig(tmp_path: Path, iris_model_dir: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "home", ("workers", "console"))
    try:
        made.live(iris_model_dir)
        yield made
    finally:
        made.down()


def test_memory_and_open_files_stay_flat_over_runs_and_rollouts(rig: Rig) -> None:
    live = Traffic(f"{rig.platform.gateway_url}{PATH}", BODIES, 50)
    live.start()
    samples: dict[str, list[Sample]] = {name: [] for name in WHO}
    end, rounds = time.monotonic() + MINUTES * 60, 0
    for number in count():
        if time.monotonic() > end and rounds >= 3:
            break
        one_round(rig, number)
        rounds += 1
        for name, pid in WHO.items():
            samples[name].append(sample(pid(rig)))
    live.stop()
    told = {name: first_and_last(found) for name, found in samples.items()}
    failed = live.tally().failed()
    print(json.dumps({"soak_minutes": MINUTES, "rounds": rounds, "failed": failed, **told}))
    assert failed == 0
    assert len(platform.status(rig.settings).predictors) <= 4, "iris, daisy, and one before it each"
    for name, (first, last) in told.items():
        assert last["mb"] <= first["mb"] * 1.1 + MORE_MB, (name, samples[name])
        assert last["files"] <= first["files"] + MORE_FILES, (name, samples[name])
        assert last["threads"] <= first["threads"] + MORE_FILES, (name, samples[name])


def one_round(rig: Rig, number: int) -> None:
    """A run through the queue to a promoted rollout, and what a person looks at meanwhile."""
    sets = [word for each in (*CHANGES, KINDS[number % 2]) for word in ("--set", each)]
    done = rig.kanarya("run", str(IRIS), *sets, "--queue")
    assert done.returncode == 0, done.stderr
    folder = RunFolder(rig.home / "runs" / done.stdout.strip())
    while not folder.ended:
        for page in ("queue", "runs", "models", "services"):
            assert asked(f"{rig.console()}/api/{page}")[0] in (200, 404)
        time.sleep(0.5)
    assert result(folder).outcome == "promoted", result(folder).sentence
    eventually(lambda: not workers_busy(rig), 60)


def workers_busy(rig: Rig) -> bool:
    supervisor = workers.status(rig.settings).supervisor
    assert supervisor is not None
    return bool(psutil.Process(supervisor.pid).children())


def sample(pid: int) -> Sample:
    process = psutil.Process(pid)
    held = process.memory_full_info().uss / 2**20
    return Sample(held, process.num_fds(), process.num_threads())


def first_and_last(samples: Sequence[Sample]) -> list[dict[str, float]]:
    """Return the medians of the second third and of the last one; the first is warming up."""
    third = len(samples) // 3
    parts = (samples[third : 2 * third], samples[2 * third :])
    return [
        {name: round(median(getattr(s, name) for s in part), 1) for name in FIELDS}
        for part in parts
    ]


def _console(rig: Rig) -> int:
    found = background.status(rig.settings)
    assert found is not None
    return found.process.pid


def _supervisor(rig: Rig) -> int:
    found = workers.status(rig.settings).supervisor
    assert found is not None
    return found.pid


def _predictor(rig: Rig) -> int:
    predictors = platform.status(rig.settings).predictors
    return next(each.pid for each in predictors if each.revision.startswith("iris-"))


FIELDS = ("mb", "files", "threads")
WHO: dict[str, Callable[[Rig], int]] = {
    "platform": lambda rig: rig.platform.pid,
    "predictor": _predictor,
    "supervisor": _supervisor,
    "console": _console,
}
