"""MLflow as a server on PostgreSQL, models in S3 and in Cloud Storage: live, away, back again."""

import json
import os
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components import tracking, tracking_store
from components.errors import TrackingError
from serving import storage
from serving.local.platform import Ports, down, up
from serving.settings import Settings
from tests.e2e.conftest import ROOT, Installation, outcome
from tests.e2e.mlflow_servers import (
    PASSWORD,
    USER,
    MlflowServer,
    cloud_storage,
    postgresql,
    simple_storage,
)
from tests.e2e.processes import when_midway

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

LOGIN = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
QUICK = (
    "model={kind: logistic_regression}",
    "gate.champion.margin=1",
    "rollout.shadow.requests=0",
    "rollout.steps=[100]",
    "rollout.max_seconds=0.5",
    "rollout.on_inconclusive=promote",
)


@dataclass
class Elsewhere:
    """An installation here whose records and models are on servers."""

    here: Installation
    server: MlflowServer

    def run(self, **environment: str) -> Any:
        """Run the iris pipeline; the name is the same, so it makes the next version."""
        return self.here.begin(*_words(), **environment)

    def promoted(self, **environment: str) -> str:
        """Return the version that a whole run brought live."""
        done = self.here.kanarya(*_words(), **environment)
        assert (done.returncode, outcome(done)["outcome"]) == (0, "promoted"), done.stderr
        return str(outcome(done)["version"])

    def answers(self) -> dict[str, Any]:
        """Return what the live service says to one row."""
        url = f"{self.here.platform.gateway_url}/serving/default/flower/v1/models/flower:predict"
        row = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
        asked = urllib.request.Request(url, json.dumps({"instances": [row]}).encode())
        with urllib.request.urlopen(asked, timeout=10) as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return found

    def record(self) -> dict[str, Any]:
        """Return all that MLflow itself has of the model, and of the run that it came from."""
        mlflow = self.here.mlflow
        versions = mlflow.search_model_versions("name = 'flower'")
        runs = [mlflow.get_run(each.run_id) for each in versions]
        return {
            "aliases": self.here.aliases("flower"),
            "tags": {each.version: dict(each.tags) for each in versions},
            "metrics": [dict(run.data.metrics) for run in runs],
            "params": [dict(run.data.params) for run in runs],
            "files": [[f.path for f in mlflow.list_artifacts(run.info.run_id)] for run in runs],
        }


def _words() -> list[str]:
    sets = [part for change in ("name=flower", *QUICK) for part in ("--set", change)]
    return ["run", str(ROOT / "pipelines" / "specs" / "iris.yaml"), *sets, "--json"]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    home = tmp_path_factory.mktemp("servers")
    login = dict(zip(LOGIN, (USER, PASSWORD), strict=True))
    buckets = ("mlflow", "models")
    with (
        postgresql() as database,
        simple_storage(*buckets) as s3,
        cloud_storage(*buckets) as gs,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in {**s3, **gs, **login}.items():
            patch.setenv(name, value)
        server = MlflowServer(home, database, "s3://mlflow/artifacts", s3)
        server.start()
        try:
            yield from _installed(home / "home", server)
        finally:
            server.kill()


def _installed(home: Path, server: MlflowServer) -> Iterator[Elsewhere]:
    asked = {
        "KANARYA_HOME": str(home),
        "MLFLOW_TRACKING_URI": server.url,
        "KANARYA_MODEL_STORE": "s3://models/store",
    }
    settings = Settings.from_env(asked)
    platform = up(settings, Ports(0, 0))
    environment = {**os.environ, **settings.environment(), "PYTHONPATH": str(ROOT)}
    try:
        yield Elsewhere(Installation(settings, platform, environment), server)
    finally:
        down(settings)


def test_a_run_goes_live_and_leaves_its_models_and_records_on_the_servers(
    elsewhere: Elsewhere,
) -> None:
    assert elsewhere.promoted() == "1"
    here = elsewhere.here
    model = str(here.view("flower").storage_uri)
    assert re.fullmatch("s3://models/store/flower/1-[0-9a-f]{8}", model)
    assert elsewhere.answers()["predictions"] == ["setosa"]
    assert elsewhere.record()["aliases"] == {"champion": "1"}
    for there in (
        f"{model}/MANIFEST.json",
        "s3://models/store/.ledger/flower/000001.json",
        "s3://mlflow/artifacts",
    ):
        assert storage.exists(there), there
    left = {each.name for each in here.settings.home.iterdir()}
    assert not left & {"mlflow.db", "models", "artifacts", "ledger"}


@pytest.mark.parametrize(
    ("login", "host", "says"),
    [
        (dict.fromkeys(LOGIN, ""), "127.0.0.1", "wants a login: set MLFLOW_TR"),
        ({LOGIN[1]: "a wrong one"}, "127.0.0.1", "does not accept the login of 'admin'"),
        ({}, "localhost", "start it with --allowed-hosts 'localhost:"),
    ],
)
def test_a_refusal_is_told_with_its_remedy(
    elsewhere: Elsewhere,
    monkeypatch: pytest.MonkeyPatch,
    login: dict[str, str],
    host: str,
    says: str,
) -> None:
    for name, value in login.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(TrackingError, match="the MLflow server") as refused:
        tracking_store.client(elsewhere.server.url.replace("127.0.0.1", host))
    assert says in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_without_its_server_a_run_ends_in_a_sentence_and_the_service_goes_on(
    elsewhere: Elsewhere,
) -> None:
    before = elsewhere.record()
    run = elsewhere.run()
    when_midway(run, "evaluate", lambda: True)
    elsewhere.server.kill()
    out, err = run.communicate(timeout=120)
    assert run.returncode == 1, out
    told = err.strip()
    assert f"the MLflow store {elsewhere.server.url} does not answer" in told
    assert "start its server" in told
    assert len(told.splitlines()) == 1
    assert elsewhere.answers()["model_version"] == "1"
    elsewhere.server.start()
    assert elsewhere.record() == before


@pytest.mark.slow
def test_the_next_run_closes_what_was_left_open_and_may_keep_its_models_in_another_store(
    elsewhere: Elsewhere,
) -> None:
    here = elsewhere.here
    assert len(here.open_runs()) == 1
    assert elsewhere.promoted(KANARYA_MODEL_STORE="gs://models/store") == "2"
    assert here.open_runs() == []
    assert str(here.view("flower").storage_uri).startswith("gs://models/store/flower/2-")
    assert elsewhere.answers()["model_version"] == "2"
    assert here.aliases("flower") == {"champion": "2", "previous": "1"}


def test_files_of_a_run_may_go_straight_to_a_bucket(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in elsewhere.here.settings.environment().items():
        monkeypatch.setenv(name, value)
    place = "gs://mlflow/direct"
    elsewhere.here.mlflow.create_experiment("direct", artifact_location=place)
    run = tracking.open_run("direct", "by-hand")
    tracking.log_file(run, "text", "report.html")
    tracking.end_run(run)
    assert storage.read(f"{place}/{run}/artifacts/report.html") == b"text"
