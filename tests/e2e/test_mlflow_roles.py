"""A viewer, an operator and an administrator of a real MLflow server: what each may do."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components import tracked_roles
from serving.errors import UsageError
from tests.e2e.conftest import ROOT
from tests.e2e.mlflow_servers import PASSWORD, USER, MlflowServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    home = tmp_path_factory.mktemp("mlflow")
    made = MlflowServer(home, f"sqlite:///{home}/server.db", str(home / "files"), {})
    made.start()
    try:
        yield made
    finally:
        made.kill()


def given(server: MlflowServer, home: Path, name: str, role: str) -> subprocess.CompletedProcess:
    uri = server.url.replace("://", f"://{USER}:{PASSWORD}@")
    environment = {**os.environ, "KANARYA_HOME": str(home), "MLFLOW_TRACKING_URI": uri}
    return subprocess.run(
        [sys.executable, "-m", "scripts", "mlflow", "user", name, "--role", role],
        input=f"{name}-has-a-password\n" * 2,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def refused(act: Callable[[], object]) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        act()
    except MlflowException as error:
        assert "403" in str(error) or "Permission denied" in str(error), error
        return True
    return False


def written(tracker: Any, model: str) -> dict[str, bool]:
    """Try everything that a run, a rollout and gc do to a model of somebody else."""
    experiment = tracker.get_experiment_by_name(model)
    if experiment is None:
        return {"read": False}
    run = tracker.search_runs([experiment.experiment_id])[0].info.run_id
    source = f"runs:/{run}/model"
    acts = {
        "run": lambda: tracker.create_run(experiment.experiment_id),
        "tag": lambda: tracker.set_tag(run, "a", "b"),
        "version": lambda: tracker.create_model_version(model, source, run_id=run),
        "alias": lambda: tracker.set_registered_model_alias(model, "staging", "1"),
        "no alias": lambda: tracker.delete_registered_model_alias(model, "staging"),
        "remove": lambda: tracker.delete_run(run),
    }
    return {name: not refused(act) for name, act in acts.items()}


def test_each_role_may_do_its_own_and_no_more(
    server: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    tracker = MlflowClient(server.url, server.url)

    def log_in(name: str, password: str) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", name)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)

    log_in(USER, PASSWORD)
    run = tracker.create_run(tracker.create_experiment("iris"))
    tracker.create_registered_model("iris")
    source = f"runs:/{run.info.run_id}/model"
    tracker.create_model_version("iris", source, run_id=run.info.run_id)
    may: dict[str, dict[str, bool]] = {}
    for role in ("viewer", "operator", "admin"):
        done = given(server, tmp_path, "ayse", role)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"ayse is {role} on the MLflow server\n"
        log_in("ayse", "ayse-has-a-password")
        may[role] = written(tracker, "iris")
    acts = ["run", "tag", "version", "alias", "no alias", "remove"]
    assert may["viewer"] == dict.fromkeys(acts, False)
    assert may["operator"] == {**dict.fromkeys(acts, True), "remove": False}
    assert may["admin"] == dict.fromkeys(acts, True)
    assert PASSWORD not in (tmp_path / "audit" / "actions.jsonl").read_text()
    assert given(server, tmp_path, "ayse", "viewer").returncode == 0
    assert refused(lambda: tracker.delete_registered_model("iris"))


def test_an_embedded_store_has_no_roles() -> None:
    with pytest.raises(UsageError, match="roles are a server's"):
        tracked_roles.server("sqlite:///mlflow.db")
