"""A home for one benchmark: a platform on free ports, a real model that it serves, three copies."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from scripts.bench.measuring import ROOT
from serving.artifact import publish
from serving.errors import KanaryaError, PlatformError
from serving.isvc.client import ServiceClient, connect
from serving.isvc.resource import ServiceView
from serving.local.platform import Platform, Ports, down, status, up
from serving.settings import Settings
from serving.storage import local_path

SPEC = ROOT / "pipelines" / "specs" / "iris.yaml"
NAME = "iris"
TARGET = "species"
PREDICT = f"v1/models/{NAME}:predict"
_OURS = ("KANARYA_", "MLFLOW_")
_STOPS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Home:
    """A platform that runs, in a folder that goes with it."""

    settings: Settings
    platform: Platform

    @property
    def services(self) -> ServiceClient:
        """Return the InferenceServices."""
        return connect(self.settings.kubeconfig, self.settings.namespace)

    @property
    def gateway(self) -> str:
        """Return the URL of a prediction through the gateway."""
        namespace = self.settings.namespace
        return f"{self.platform.gateway_url}/serving/{namespace}/{NAME}/{PREDICT}"

    def direct(self, revision: str) -> str:
        """Return the URL of a prediction asked of the revision's own process."""
        return f"http://127.0.0.1:{_listening(self.pid(revision))}/{PREDICT}"

    def pid(self, revision: str) -> int:
        """Return the process of a revision. Raises PlatformError."""
        found = [p.pid for p in status(self.settings).predictors if p.revision == revision]
        if not found:
            raise PlatformError(f"{revision} has no process; look at {self.settings.home}/logs.")
        return found[0]

    def view(self) -> ServiceView:
        """Return the service as it is now. Raises PlatformError."""
        view = self.services.get(NAME)
        if view is None:
            raise PlatformError(f"there is no service {NAME}.")
        return view

    def train(self) -> ServiceView:
        """Return the service with its first version live: trained and deployed by `kanarya run`."""
        command = [sys.executable, "-m", "scripts", "run", str(SPEC)]
        environment = {**_foreign(), **self.settings.environment(), "PYTHONPATH": str(ROOT)}
        # Each step of a pipeline leaves a temporary folder behind; these go with the home.
        environment["TMPDIR"] = tempfile.mkdtemp(dir=self.settings.home)
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=self.settings.home,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        # Interrupted here, it stays for `_end_children`: a killed one would orphan its own steps.
        said, _ = process.communicate()
        if process.returncode:
            code = process.returncode
            raise PlatformError(f"`kanarya run {SPEC.name}` ended with exit code {code}:\n{said}")
        return self.view()

    def copies(self, uri: str, count: int) -> list[str]:
        """Return the uris of copies of a published model, each as a version of its own."""
        source = local_path(uri)
        if source is None:
            raise PlatformError(f"the model {uri} is not on this machine.")
        targets = [self.settings.home / "copies" / f"{number + 2}" for number in range(count)]
        for target in targets:
            publish(source, target, target.name)
        return [target.as_uri() for target in targets]


@contextmanager
def home(bench: str) -> Iterator[Home]:
    """Lend a platform in a temporary folder; both are gone afterwards, whatever happened.

    Where the block is interrupted or fails, the process ends with a sentence.
    """
    try:
        with _lent() as place:
            yield place
    except KeyboardInterrupt:
        sys.exit("stopped; the platform is down and its folder removed")
    except KanaryaError as error:
        sys.exit(f"bench-{bench}: {error}")


@contextmanager
def _lent() -> Iterator[Home]:
    with interruptible(), tempfile.TemporaryDirectory(prefix="kanarya-bench-") as folder:
        settings = Settings.from_env({**_foreign(), "KANARYA_HOME": folder})
        try:
            yield Home(settings, up(settings, Ports(0, 0)))
        finally:
            # A second Ctrl-C must not leave half of it behind.
            for number in _STOPS:
                signal.signal(number, signal.SIG_IGN)
            down(settings)
            _end_children()


def row() -> bytes:
    """Return a request for one prediction, made of the first row that the model was trained on."""
    with SPEC.with_suffix(".csv").open(newline="", encoding="utf-8") as file:
        cells = next(csv.DictReader(file))
    instance = {name: float(cell) for name, cell in cells.items() if name != TARGET}
    return json.dumps({"instances": [instance]}).encode()


@contextmanager
def interruptible() -> Iterator[None]:
    """Make SIGTERM raise KeyboardInterrupt, as Ctrl-C does; signals are as before afterwards."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in _STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _foreign() -> dict[str, str]:
    """Return the environment without what points to another installation."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
    kept.pop("KUBECONFIG", None)
    return kept


def _listening(pid: int) -> int:
    """Return the port that a process listens on. Raises PlatformError."""
    import psutil

    for each in psutil.net_connections(kind="tcp"):
        if each.pid == pid and each.status == psutil.CONN_LISTEN and each.laddr:
            return int(each.laddr.port)
    raise PlatformError(f"the process {pid} listens on no port.")


def _end_children() -> None:
    """End what an interruption left: the command, its steps, a platform not yet recorded."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()
            child.wait(10)
