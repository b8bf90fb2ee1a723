"""What a step uses: a story of readings in, samples out; and what the system really tells."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from components import gpus, telling, tracking, tracking_store, usage
from components.train.watching import Watching
from components.usage import Reading, Usage
from serving.settings import Settings

FORKING = """
import os
from components import usage
before = usage.reading().memory
shared = bytearray(os.urandom(1)) * 80_000_000
held = []
for _ in range(3):
    end, beginning = os.pipe()
    if not os.fork():
        os.close(beginning)
        os.read(end, 1)
        os._exit(0)
    os.close(end)
    held.append(beginning)
print((usage.reading().memory - before) / 1e6)
"""
ROOT = Path(__file__).resolve().parents[2]
LASTING = ("import time; x = bytearray(60_000_000); print('up', flush=True); input()",)


@dataclass
class Machine:
    """A clock, and a process that works on 1.5 cores."""

    now: float = 1000.0
    look_s: float = 0.0
    spent: float = 0.0
    memory: float = 100e6

    def read(self) -> Reading:
        self.spent += self.look_s
        return Reading((self.now - 1000) * 1.5, self.memory, (self.now - 1000) * 2e6)

    def usage(self) -> Usage:
        return Usage(self.read, lambda: self.now, lambda: self.spent)


def test_a_sample_says_what_was_used_since_the_one_before() -> None:
    machine = Machine()
    used = machine.usage()
    machine.now += 1
    used.look()
    machine.now, machine.memory = machine.now + 1, 250e6
    used.look()
    machine.now, machine.memory = machine.now + 0.1, 90e6
    used.look()
    assert len(used.samples) == 2, "it is too early for a third"
    used.look(last=True)
    told = [each.values for each in used.samples]
    assert [each["cpu_cores"] for each in told] == [1.5, 1.5, 1.5]
    assert [each["memory_megabytes"] for each in told] == [100.0, 250.0, 90.0]
    assert [each["disk_written_megabytes"] for each in told] == [2.0, 4.0, 4.2]
    assert all(each["disk_available_megabytes"] > 0 for each in told)
    assert used.total() == {"seconds": 2.1, "cpu_s": 3.15, "memory_mb": 250.0}


def test_a_step_of_a_moment_leaves_a_sample_too() -> None:
    machine = Machine()
    used = machine.usage()
    machine.now += 0.01
    used.look(last=True)
    assert [each.values["cpu_cores"] for each in used.samples] == [1.5]


@pytest.mark.parametrize(
    ("look_s", "seconds", "most"),
    [
        pytest.param(0.0, 40, 81, id="short"),
        pytest.param(0.0, 3600, 530, id="an hour"),
        pytest.param(0.0, 86400, 850, id="a day"),
        pytest.param(0.05, 50, 11, id="looking costs much"),
    ],
)
def test_looking_costs_a_hundredth_at_most(look_s: float, seconds: float, most: int) -> None:
    machine = Machine(look_s=look_s)
    used = machine.usage()
    end = machine.now + seconds
    while machine.now < end:
        used.look()
        machine.now += max(used.pause_s, 0.01)
    assert most / 2 < len(used.samples) <= most
    assert look_s * len(used.samples) <= seconds / 100 + look_s


def test_samples_travel_as_columns_and_long_ones_thinned() -> None:
    machine = Machine()
    used = machine.usage()
    for _ in range(250):
        machine.now += 60
        used.look()
    columns = json.loads(json.dumps(usage.series(used.samples)))
    assert len(columns["at"]) <= 100
    assert columns["at"][-1] == used.samples[-1].at, "the last one is there"
    back = usage.samples_of(columns)
    assert [each.number for each in back] == list(range(len(columns["at"])))
    assert back[-1].values == used.samples[-1].values
    assert usage.samples_of(usage.series([])) == []


def test_the_children_of_a_process_are_counted_with_it() -> None:
    before = usage.reading()
    command = [sys.executable, "-S", "-c", *LASTING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout and child.stdin
        child.stdout.readline()
        during = usage.reading()
        child.stdin.write(b"\n")
    after = usage.reading()
    assert during.memory > before.memory + 50e6
    assert after.memory < during.memory
    assert after.cpu_s >= during.cpu_s >= before.cpu_s, "what has ended took its time with it"


def test_what_forked_processes_share_is_counted_once() -> None:
    said = subprocess.run(
        [sys.executable, "-c", FORKING], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert 70 < float(said.stdout) < 160, "not four times 80 MB"


def test_a_training_hands_on_what_was_seen_before_there_was_a_run() -> None:
    machine, seen = Machine(), list[usage.Sample]()
    with Watching(machine.usage()) as watching:
        machine.now += 2
        watching.to(seen.extend)
    assert [each.number for each in seen] == list(range(len(seen)))
    assert seen[-1].at == machine.now


def test_a_store_that_fails_does_not_fail_the_training(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(samples: object) -> None:
        raise OSError("the store is away")

    with Watching(Machine().usage()).to(fail):
        pass
    assert "note: what the training uses is not recorded any more: the store is" in (
        capsys.readouterr().out
    )


def test_a_folder_and_a_file_that_are_gone_do_not_fail_a_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.setenv(usage.FILE, str(tmp_path / "gone" / "usage.jsonl"))
    used = Machine().usage()
    with Watching(used):
        pass
    assert "disk_available_megabytes" not in used.samples[-1].values


def test_a_line_is_kept_for_whoever_asked_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(usage.FILE, str(tmp_path / "usage.jsonl"))
    monkeypatch.setenv(telling.STEP, "train-images")
    with Watching(Machine().usage()):
        pass
    lines = (tmp_path / "usage.jsonl").read_text().splitlines()
    *looks, total = [json.loads(line) for line in lines]
    assert {each["step"] for each in (*looks, total)} == {"train-images"}
    assert {each["values"]["memory_megabytes"] for each in looks} == {100.0}
    assert total["memory_mb"] == 100.0


@pytest.mark.thorough
def test_mlflow_has_it_as_metrics_of_the_system(settings: Settings) -> None:
    run_id = tracking.open_run("iris", "iris-1")
    machine = Machine()
    used = machine.usage()
    for _ in range(3):
        machine.now += 1
        used.look()
    tracking.log_usage(run_id, "train", used.samples)
    history = tracking_store.connect().get_metric_history(run_id, "system/train/cpu_cores")
    assert [(each.step, each.value, each.timestamp) for each in history] == [
        (0, 1.5, 1_001_000),
        (1, 1.5, 1_002_000),
        (2, 1.5, 1_003_000),
    ]


class NVMLError(Exception):
    """The library's own."""


@dataclass
class Gpu:
    """What the driver tells of one device."""

    load: int
    used: int
    power: Callable[[], int] = field(default=lambda: 310_000)


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """A library in the place of `nvidia-ml-py`, with a machine of two GPUs."""

    def unknown() -> int:
        raise NVMLError("Not Supported")

    found = [Gpu(97, 70_000_000_000), Gpu(0, 500_000_000, unknown)]
    library = types.ModuleType("pynvml")
    about = {
        "NVMLError": NVMLError,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: len(found),
        "nvmlDeviceGetHandleByIndex": lambda number: found[number],
        "nvmlDeviceGetUtilizationRates": lambda gpu: types.SimpleNamespace(gpu=gpu.load),
        "nvmlDeviceGetMemoryInfo": lambda gpu: types.SimpleNamespace(used=gpu.used),
        "nvmlDeviceGetPowerUsage": lambda gpu: gpu.power(),
    }
    for name, value in about.items():
        setattr(library, name, value)
    monkeypatch.setitem(sys.modules, "pynvml", library)
    gpus.reader.cache_clear()
    yield library
    gpus.reader.cache_clear()


def test_each_gpu_tells_what_it_can(nvml: types.ModuleType) -> None:
    assert gpus.reader()() == {
        "gpu_0_utilization_percentage": 97.0,
        "gpu_0_memory_usage_megabytes": 70_000.0,
        "gpu_0_power_usage_watts": 310.0,
        "gpu_1_utilization_percentage": 0.0,
        "gpu_1_memory_usage_megabytes": 500.0,
    }


def test_a_machine_without_a_driver_has_no_gpu(nvml: types.ModuleType) -> None:
    def fail() -> None:
        raise NVMLError("Driver Not Loaded")

    nvml.nvmlInit = fail  # type: ignore[attr-defined]
    assert gpus.reader()() == {}
