"""The DAG in a real Airflow: it parses, and runs against a Kubeflow Pipelines to each verdict."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
AIRFLOW = ROOT / ".venv-airflow" / "bin" / "python"
INSIDE = Path(__file__).with_name("inside.py")
IMAGE = f"registry.example.com/kanarya@sha256:{'a' * 64}"
SPEC = "name: iris\ndata: {uri: gs://bucket/iris.csv, target: species}\n"

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not AIRFLOW.exists():
        pytest.skip("Airflow is not in .venv-airflow: run `make test-airflow`")
    made = tmp_path_factory.mktemp("airflow")
    command = made / "kanarya"
    words = f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m scripts "$@"'
    command.write_text(f"#!/bin/sh\n{words}\n")
    command.chmod(0o755)
    (made / "iris.yaml").write_text(SPEC)
    return made


@pytest.fixture(scope="module")
def airflow(home: Path) -> Ask:
    """Ask Airflow's own Python for something; its database is made by Airflow's own command."""
    around = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "manifests" / "airflow"),
        "KANARYA_COMMAND": str(home / "kanarya"),
        "KANARYA_HOME": str(home / "home"),
        "KANARYA_COMPONENTS_IMAGE": IMAGE,
        "KFP_POLL_SECONDS": "0.1",
        "PYTHONPATH": "",
    }
    migrate = [str(AIRFLOW), "-m", "airflow", "db", "migrate"]
    subprocess.run(migrate, env=around, check=True, capture_output=True)

    def ask(*words: str, **environment: str) -> Any:
        done = subprocess.run(
            [str(AIRFLOW), str(INSIDE), *words],
            env={**around, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return ask


@pytest.fixture
def kfp() -> Iterator[Any]:
    from tests.pipelines.kfp_api.server import serve

    found, server = serve()
    yield found
    server.shutdown()
    server.server_close()


def test_the_folder_parses_as_one_dag_in_a_row(airflow: Ask) -> None:
    assert airflow("parse") == {
        "errors": {},
        "dags": ["kanarya_pipeline"],
        "tasks": {"submit": ["wait"], "wait": ["record"], "record": ["judge"], "judge": []},
    }


def test_a_promotion_is_recorded_and_told_as_an_event_of_the_model(
    airflow: Ask, kfp: Any, home: Path
) -> None:
    from tests.pipelines.kfp_api import stories

    kfp.story = stories.through(kfp, ("register", "deploy"), stories.PROMOTED)
    asked = {"spec": str(home / "iris.yaml"), "set": ["model.kind=svm"]}
    done = airflow("run", json.dumps(asked), KFP_HOST=kfp.host)
    assert done["state"] == "success"
    (run,) = kfp.runs.values()
    assert run["runtime_config"]["parameters"]["model_kind"] == "svm"
    recorded = done["recorded"]
    assert (recorded["model"], recorded["version"]) == ("iris", "1")
    assert recorded["run"] == run["display_name"]
    assert recorded["run"].startswith("kanarya-pipeline-manual-")
    assert run["run_id"] in recorded["page"]
    assert done["events"] == [["x-kanarya://models/iris", recorded]]
    assert done["again"] == run["run_id"], "another try of submit starts no second run"


def test_a_rejection_is_recorded_and_fails_the_dag_without_an_event(
    airflow: Ask, kfp: Any, home: Path
) -> None:
    from tests.pipelines.kfp_api import stories

    kfp.story = stories.through(kfp, ("reject",), stories.REJECTED)
    asked = {"spec": str(home / "iris.yaml")}
    done = airflow("run", json.dumps(asked), KFP_HOST=kfp.host)
    assert (done["state"], done["tasks"]["judge"]) == ("failed", "failed")
    assert done["tasks"]["record"] == "success"
    assert done["recorded"]["outcome"] == "rejected"
    assert done["recorded"]["sentence"] == stories.REJECTED["sentence"]
    assert not [extra for _, extra in done["events"] if extra["outcome"] != "promoted"]


def test_a_spec_that_cannot_be_sent_fails_at_once_and_starts_nothing(
    airflow: Ask, kfp: Any, home: Path
) -> None:
    done = airflow("run", json.dumps({"spec": str(home / "none.yaml")}), KFP_HOST=kfp.host)
    assert (done["state"], done["tasks"]["submit"]) == ("failed", "failed")
    assert not kfp.runs
