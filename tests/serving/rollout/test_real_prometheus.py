"""A real Prometheus scrapes exporters in three dialects; what it tells is what they counted."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
import yaml

from serving.rollout.observation import NotMeasured, Observation
from serving.rollout.sources.prometheus import PrometheusSource, Server
from serving.rollout.sources.promql import PREDICTIONS
from tests.serving.rollout.metrics_kit import CANARY, STABLE, Answer, Exporter, serving, site

pytestmark = pytest.mark.e2e

BINARY = os.environ.get("KANARYA_TEST_PROMETHEUS") or shutil.which("prometheus") or ""
DIALECTS = ("opencensus", "opentelemetry", "predictor")
PODS = (
    f"{STABLE}-deployment-5d4f8-aaaaa",
    f"{STABLE}-deployment-5d4f8-bbbbb",
    f"{CANARY}-deployment-7c9f6-ccccc",
)


@dataclass
class Cluster:
    """Pods by name, each a page of one server; Prometheus scrapes them five times a second."""

    home: Path
    dialect: str
    pods: dict[str, Exporter] = field(default_factory=dict)
    url: str = ""

    def page(self, path: str, _: object) -> Answer:
        pod = path.strip("/")
        if pod not in self.pods:
            return Answer(b"gone", 500)
        exporter, revision = self.pods[pod], pod.split("-deployment-")[0]
        text = (
            exporter.predictor()
            if self.dialect == "predictor"
            else getattr(exporter, self.dialect)(revision, pod)
        )
        return Answer(text.encode(), headers={"Content-Type": "text/plain; version=0.0.4"})

    def discover(self, exporters: str, *pods: str) -> None:
        """Tell Prometheus which pods there are, as service discovery does."""
        port = exporters.rsplit(":", 1)[1]
        targets = [
            {
                "targets": [f"127.0.0.1:{port}"],
                "labels": {
                    "__metrics_path__": f"/{pod}",
                    "pod": pod,
                    "namespace": "ml",
                    "instance": pod,
                },
            }
            for pod in pods
        ]
        fresh = self.home / "targets.new"
        fresh.write_text(yaml.safe_dump(targets))
        fresh.rename(self.home / "targets.yaml")

    def source(self) -> PrometheusSource:
        return PrometheusSource(Server(self.url))


@pytest.fixture(params=DIALECTS)
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Cluster, str]]:
    if not BINARY:
        pytest.skip(
            "needs Prometheus: `apt-get install prometheus`, or name its binary in "
            "KANARYA_TEST_PROMETHEUS"
        )
    found = Cluster(tmp_path, request.param, {pod: Exporter(born=100.0) for pod in PODS})
    with site(found.page) as exporters, running(found):
        found.discover(exporters, *PODS)
        yield found, exporters


@pytest.fixture
def now() -> Callable[[], float]:
    """A clock of ours that is a minute later at every look, so that each look asks."""
    minutes = count(1)
    return lambda: 60.0 * next(minutes)


class running:  # noqa: N801
    """A Prometheus that scrapes the cluster's pods, on a port that the system gave."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def __enter__(self) -> None:
        home = self.cluster.home
        files = {"files": [str(home / "targets.yaml")], "refresh_interval": "1s"}
        job = {"job_name": "pods", "scrape_interval": "200ms", "scrape_timeout": "200ms"}
        config = {"scrape_configs": [{**job, "file_sd_configs": [files]}]}
        (home / "prometheus.yml").write_text(yaml.safe_dump(config))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        self.process = subprocess.Popen(
            [
                BINARY,
                f"--config.file={home / 'prometheus.yml'}",
                f"--storage.tsdb.path={home / 'data'}",
                f"--web.listen-address={address}",
                "--log.level=error",
            ]
        )
        self.cluster.url = f"http://{address}"

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)


def until(
    source: PrometheusSource, now: Callable[[], float], wanted: Callable[[object], bool]
) -> Observation | NotMeasured:
    """Look until something is so."""
    deadline = time.monotonic() + 30
    while True:
        seen = source.observe(serving(), now())
        if wanted(seen) or time.monotonic() > deadline:
            return seen
        time.sleep(0.1)


def asked(seen: object, revision: str) -> int:
    return seen.of(revision).requests if isinstance(seen, Observation) else -1


def asked_of(stable: int, canary: int) -> Callable[[object], bool]:
    """Say when both were scraped: each pod has its own turn."""
    return lambda seen: (asked(seen, STABLE), asked(seen, CANARY)) == (stable, canary)


def test_what_prometheus_tells_is_what_the_pods_counted(
    cluster: tuple[Cluster, str], now: Callable[[], float]
) -> None:
    found, exporters = cluster
    stable, other, canary = (found.pods[pod] for pod in PODS)
    stable.count(500, errors=5)
    other.count(400)
    canary.count(40, errors=8, slow=4)
    source = found.source()
    first = until(source, now, asked_of(900, 40))
    assert isinstance(first, Observation), first
    assert (asked(first, STABLE), first.of(STABLE).errors) == (900, 5)
    assert first.of(CANARY).errors == 8

    canary.count(60, errors=1)
    stable.count(100)
    second = until(source, now, asked_of(1000, 100))
    assert second.continues(first)
    assert (asked(second, STABLE), second.of(CANARY).errors) == (1000, 9)
    assert sum(second.of(CANARY).buckets) == 100
    if found.dialect == "predictor":
        predictions = PrometheusSource(Server(found.url), (PREDICTIONS,))
        seen = until(predictions, now, lambda seen: isinstance(seen, Observation))
        assert seen.of(CANARY).classes == {"setosa": 91, "virginica": 0}
        assert sum(seen.of(CANARY).confidence) == 91

    # A pod starts again, at zero.
    canary.restart(born=time.time())
    canary.count(7, errors=7)
    third = until(source, now, asked_of(1000, 107))
    assert third.continues(second)
    assert third.of(CANARY).errors == 16

    # A pod goes, and another one comes that was born just now.
    late = f"{STABLE}-deployment-5d4f8-ddddd"
    found.pods[late] = Exporter(born=time.time())
    found.pods[late].count(11)
    found.discover(exporters, PODS[0], PODS[2], late)
    fourth = until(source, now, lambda seen: asked(seen, STABLE) == 1011)
    assert asked(fourth, STABLE) == 1011
    # The queue-proxy of old does not say when it was born, so nothing may be subtracted.
    assert fourth.continues(third) == (found.dialect != "opencensus")

    # A pod that cannot be scraped hides what it counts.
    del found.pods[PODS[2]]
    down = until(source, now, lambda seen: isinstance(seen, NotMeasured))
    assert isinstance(down, NotMeasured)
    assert "cannot scrape the pod" in down.reason or "no requests of" in down.reason
