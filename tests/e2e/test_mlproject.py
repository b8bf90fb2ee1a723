"""`mlflow run .` starts what `kanarya run` does: MLflow's own command on the file MLproject."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import IRIS, ROOT, Installation

pytestmark = pytest.mark.e2e


def mlflow_run(here: Installation, where: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{here.environment['PATH']}"
    parameters = [part for word in words for part in ("-P", word)]
    return subprocess.run(
        [sys.executable, "-m", "mlflow", "run", str(ROOT), "--env-manager", "local", *parameters],
        cwd=where,
        env={**here.environment, "PATH": path},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.slow
def test_a_table_becomes_a_live_model(here: Installation, tmp_path: Path) -> None:
    (tmp_path / "my flowers.csv").write_bytes(IRIS.with_suffix(".csv").read_bytes())
    asked = ("data=my flowers.csv", "target=species", "model=logistic_regression")
    done = mlflow_run(here, tmp_path, *asked, "drop=petal_width")
    assert done.returncode == 0, done.stderr
    assert "promoted: version 1" in done.stdout
    assert here.aliases("my-flowers") == {"champion": "1"}
    project = here.mlflow.search_runs(["0"])[0]
    assert (project.info.status, project.data.params["target"]) == ("FINISHED", "species")
    made = here.mlflow.get_model_version("my-flowers", "1").run_id
    assert "petal_width" in here.mlflow.get_run(made).data.params["drop_columns"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["my flowers.csv"]


def test_what_cannot_be_run_fails_with_its_sentence(here: Installation, tmp_path: Path) -> None:
    done = mlflow_run(here, tmp_path, f"data={IRIS.with_suffix('.csv')}", "target=colour")
    assert done.returncode == 1
    assert "kanarya: " in done.stderr
    assert "colour" in done.stderr
    assert here.mlflow.search_runs(["0"], max_results=1)[0].info.status == "FAILED"
