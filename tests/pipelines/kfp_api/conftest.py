"""The fake on a free port, and the commands against it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.cluster import Cluster, connect
from pipelines.cluster_place import Place
from pipelines.cluster_watch import Clock, Watch
from pipelines.journal import Result
from tests.pipelines.kfp_api.server import FakeKfp, serve
from tests.pipelines.kfp_api.watching import Told

ROOT = Path(__file__).resolve().parents[3]
IMAGE = f"registry.example.com/kanarya@sha256:{'a' * 64}"
SPEC = """
name: iris
data: {uri: gs://bucket/iris.csv, target: species}
model: {kind: logistic_regression}
"""


@dataclass
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


@pytest.fixture
def kfp() -> Iterator[FakeKfp]:
    found, server = serve()
    yield found
    server.shutdown()
    server.server_close()
    assert not found.crashes


@pytest.fixture
def cluster(kfp: FakeKfp) -> Cluster:
    return connect(Place(kfp.host, kfp.host, poll_s=0))


@pytest.fixture(scope="session")
def package() -> dict[str, Any]:
    """The compiled pipeline as the SDK sends it."""
    text = (ROOT / "pipelines/compiled/tabular.yaml").read_text(encoding="utf-8")
    documents = list(yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    return {"pipeline_spec": documents[0], "platform_spec": (documents[1:] or [{}])[0]}


@pytest.fixture
def started(kfp: FakeKfp, package: dict[str, Any]) -> dict[str, Any]:
    """A run that somebody has started."""
    parameters = {"data_uri": "gs://bucket/iris.csv", "model_kind": "svm", "target": "species"}
    config = {"runtime_config": {"parameters": parameters}}
    experiment = {"experiment_id": "e", "display_name": "iris"}
    kfp.experiments["e"] = experiment
    record = {"display_name": "iris-1", "experiment_id": "e", "pipeline_spec": package, **config}
    return kfp.start(record, package)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def watch(started: dict[str, Any], cluster: Cluster, told: Told) -> Callable[[], Result]:
    """Watch a run of the compiled pipeline to its end."""
    clock = Clock(told.now, told.sleep)
    return Watch(cluster, started["run_id"], clock, told.events.append).wait


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "iris.yaml"
    path.write_text(SPEC)
    return str(path)


@pytest.fixture
def kanarya(
    kfp: FakeKfp,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Said]:
    """Run a command as a person does, in this process: importing kfp anew takes a second."""
    for name in [name for name in os.environ if name.startswith(("KFP_", "KF_", "KANARYA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("KFP_HOST", kfp.host)
    monkeypatch.setenv("KFP_POLL_SECONDS", "0.001")
    monkeypatch.setenv("KANARYA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KANARYA_COMPONENTS_IMAGE", IMAGE)

    def run(*arguments: str, **environment: str) -> Said:
        from scripts.__main__ import main

        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["kanarya", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, said.out, said.err)

    return run
