"""A whole installation of its own: home, platform, MLflow, and the command as people run it."""

import csv
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import pytest

from scripts.demo.faults import break_next_revision
from scripts.demo.traffic import Traffic
from serving.isvc.client import connect
from serving.isvc.resource import ServiceView
from serving.local.platform import Platform, Ports, down, status, up
from serving.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
IRIS = ROOT / "pipelines" / "specs" / "iris.yaml"
MAY_FAIL = (sys.executable, "-m", "serving.predictor", "--fault_injection")
QUICK = (
    "rollout.steps=[10, 50, 100]",
    "rollout.min_requests=20",
    "rollout.max_seconds=60",
    "rollout.guards.error_rate.max_increase=0.1",
)


@dataclass
class Installation:
    """One home with a platform that runs, and what a person can do with it."""

    settings: Settings
    platform: Platform
    environment: dict[str, str] = field(default_factory=dict)

    def begin(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Begin a command in a terminal of its own: what ends it ends nobody else."""
        return subprocess.Popen(
            [sys.executable, "-m", "scripts", *arguments],
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**self.environment, **environment},
        )

    def kanarya(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        process = self.begin(*arguments, **environment)
        out, err = process.communicate(timeout=240)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def run(self, name: str, *changes: str) -> subprocess.CompletedProcess[str]:
        sets = [part for change in (*QUICK, *changes) for part in ("--set", change)]
        return self.kanarya("run", str(IRIS), "--set", f"name={name}", *sets, "--json")

    def view(self, name: str) -> ServiceView:
        found = connect(self.settings.kubeconfig, self.settings.namespace).get(name)
        assert found is not None, f"there is no service {name}"
        return found

    @cached_property
    def mlflow(self) -> Any:
        """MLflow's own client: what is in the store by its own account, without our commands."""
        from mlflow import MlflowClient

        return MlflowClient(self.settings.tracking_uri, self.settings.tracking_uri)

    def aliases(self, name: str) -> dict[str, str]:
        return {key: str(v) for key, v in self.mlflow.get_registered_model(name).aliases.items()}

    def versions(self, name: str) -> list[str]:
        found = self.mlflow.search_model_versions(f"name = '{name}'")
        return sorted((str(each.version) for each in found), key=int)

    def open_runs(self) -> list[str]:
        """The MLflow runs that nobody has closed."""
        experiments = [each.experiment_id for each in self.mlflow.search_experiments()]
        found = self.mlflow.search_runs(experiments, "status = 'RUNNING'") if experiments else []
        return [each.info.run_name for each in found]

    def standing(self, name: str) -> dict[str, Any]:
        """What a failed run must leave as it is: the registry, the traffic, the published bytes."""
        published = sorted(
            path.name for path in (self.settings.home / "models" / name).glob("[0-9]*")
        )
        view = self.view(name)
        return {
            "versions": self.versions(name),
            "aliases": self.aliases(name),
            "published": published,
            "generation": view.generation,
            "traffic": view.traffic,
        }

    def pid_of(self, revision: str) -> int | None:
        found = [p.pid for p in status(self.settings).predictors if p.revision.endswith(revision)]
        return found[0] if found else None


@pytest.fixture(scope="module")
def store(empty_store: Path) -> Path | None:
    """The MLflow store that an installation begins with; a module may say None."""
    return empty_store


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, store: Path | None) -> Iterator[Installation]:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path_factory.mktemp("home"))})
    if store is not None:
        shutil.copy(store, settings.home / "mlflow.db")
    platform = up(settings, Ports(0, 0), predictor=MAY_FAIL)
    environment = {**os.environ, **settings.environment(), "PYTHONPATH": str(ROOT)}
    try:
        yield Installation(settings, platform, environment)
    finally:
        down(settings)


@pytest.fixture
def traffic() -> Iterator[Callable[[Installation, str], Traffic]]:
    """Begin live traffic on a service; it ends with the test."""
    begun: list[Traffic] = []

    def begin(here: Installation, name: str) -> Traffic:
        with (IRIS.with_suffix(".csv")).open(newline="") as file:
            records = list(csv.DictReader(file))[::5]
        bodies = [
            json.dumps(
                {"instances": [{k: float(v) for k, v in record.items() if k != "species"}]}
            ).encode()
            for record in records
        ]
        url = f"{here.platform.gateway_url}/serving/default/{name}/v1/models/{name}:predict"
        begun.append(Traffic(url, bodies, rate=200))
        begun[-1].start()
        return begun[-1]

    yield begin
    for each in begun:
        each.stop()


@pytest.fixture
def sabotage() -> Iterator[Callable[[Installation, str, dict[str, float]], None]]:
    """Put a fault into the process of the service's next revision as soon as it has traffic."""
    done = threading.Event()
    threads: list[threading.Thread] = []

    def begin(here: Installation, name: str, fault: dict[str, float]) -> None:
        arguments = (here.settings, name, fault, done)
        threads.append(threading.Thread(target=break_next_revision, args=arguments))
        threads[-1].start()

    yield begin
    done.set()
    for thread in threads:
        thread.join()


@pytest.fixture
def assassin() -> Iterator[Callable[[Installation, str], None]]:
    """SIGKILL the predictor of a revision, every time it comes up again."""
    done = threading.Event()
    threads: list[threading.Thread] = []

    def begin(here: Installation, revision: str) -> None:
        def run() -> None:
            while not done.wait(0.1):
                pid = here.pid_of(revision)
                if pid and _answers(here, revision):
                    psutil.Process(pid).kill()

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield begin
    done.set()
    for thread in threads:
        thread.join()


def _answers(here: Installation, revision: str) -> bool:
    """Say whether the revision has been seen to serve live requests."""
    import urllib.request

    with urllib.request.urlopen(f"{here.platform.gateway_url}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return any(
        f'revision="{revision}"' in line and line.startswith("kanarya_requests_total")
        for line in text.splitlines()
    )


def outcome(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the result that `--json` printed; shows what was said where there is none."""
    assert done.stdout.strip().startswith("{"), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that a command said of its failure."""
    said = done.stderr.strip()
    assert said.startswith("kanarya: "), done.stdout + done.stderr
    assert len(said.splitlines()) == 1, said
    assert "Traceback" not in done.stdout + done.stderr
    return said
