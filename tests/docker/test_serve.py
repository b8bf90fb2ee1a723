"""What MLflow's image refuses before it starts: each in one sentence, none with a secret."""

import importlib.util
import os
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "manifests" / "mlflow" / "serve.py"
GIVEN = {
    "MLFLOW_BACKEND_STORE_URI": "sqlite:////mlflow/mlflow.db",
    "MLFLOW_ARTIFACTS_DESTINATION": "/mlflow/artifacts",
}


@pytest.fixture(scope="module")
def serve() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mlflow_serve", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REFUSED = {
    "a database without a driver": (
        {"MLFLOW_BACKEND_STORE_URI": "mysql://root:hunter2@db/mlflow"},
        "MLFLOW_BACKEND_STORE_URI begins with 'mysql', which this image cannot use; "
        "try postgresql://user@host/database",
    ),
    "a folder as a database": (
        {"MLFLOW_BACKEND_STORE_URI": "/mlflow"},
        "MLFLOW_BACKEND_STORE_URI begins with '', which",
    ),
    "no database": ({"MLFLOW_BACKEND_STORE_URI": ""}, "MLFLOW_BACKEND_STORE_URI begins with ''"),
    "an object store without a library": (
        {"MLFLOW_ARTIFACTS_DESTINATION": "wasbs://box@account/models"},
        "MLFLOW_ARTIFACTS_DESTINATION begins with 'wasbs'",
    ),
    "an unknown login": ({"KANARYA_MLFLOW_AUTH": "oidc"}, "KANARYA_MLFLOW_AUTH is 'oidc'; set it"),
    "a login without secrets": (
        {"KANARYA_MLFLOW_AUTH": "basic"},
        "needs MLFLOW_AUTH_ADMIN_PASSWORD and MLFLOW_FLASK_SERVER_SECRET_KEY, from a secret",
    ),
    "a login with an empty secret": (
        {
            "KANARYA_MLFLOW_AUTH": "basic",
            "MLFLOW_AUTH_ADMIN_PASSWORD": "",
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "key",
        },
        "needs MLFLOW_AUTH_ADMIN_PASSWORD, from",
    ),
}


@pytest.mark.parametrize(("changed", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_work_is_refused(
    serve: ModuleType, changed: dict[str, str], sentence: str
) -> None:
    with pytest.raises(serve.Refused) as refused:
        serve.check({**GIVEN, **changed})
    assert sentence in str(refused.value)
    assert "hunter2" not in str(refused.value)


ACCEPTED = (
    {},
    {"MLFLOW_BACKEND_STORE_URI": "postgresql://mlflow@db:5432/mlflow"},
    {"MLFLOW_BACKEND_STORE_URI": "postgresql+psycopg2://mlflow@db/mlflow"},
    {"MLFLOW_ARTIFACTS_DESTINATION": "s3://models/mlflow"},
    {"MLFLOW_ARTIFACTS_DESTINATION": "gs://models"},
    {
        "KANARYA_MLFLOW_AUTH": "basic",
        "MLFLOW_AUTH_ADMIN_PASSWORD": "long enough",
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "key",
    },
)


@pytest.mark.parametrize("changed", ACCEPTED)
def test_what_the_image_can_do_passes(serve: ModuleType, changed: dict[str, str]) -> None:
    serve.check({**GIVEN, **changed})


FOLDERS = (
    ({}, ["/mlflow", "/mlflow/artifacts"]),
    ({"MLFLOW_ARTIFACTS_DESTINATION": "file:///srv/models"}, ["/mlflow", "/srv/models"]),
    ({"MLFLOW_ARTIFACTS_DESTINATION": "s3://models"}, ["/mlflow"]),
    ({"MLFLOW_BACKEND_STORE_URI": "postgresql://db/mlflow"}, ["/mlflow/artifacts"]),
)


@pytest.mark.parametrize(("changed", "wanted"), FOLDERS)
def test_only_what_lies_in_files_must_be_writable(
    serve: ModuleType, changed: dict[str, str], wanted: list[str]
) -> None:
    assert [str(folder) for folder in serve.folders({**GIVEN, **changed})] == wanted


DRIVEN = (
    ("postgresql://mlflow@db/mlflow", "postgresql+psycopg2://mlflow@db/mlflow"),
    ("postgresql+psycopg2://mlflow@db/mlflow", "postgresql+psycopg2://mlflow@db/mlflow"),
    ("sqlite:////mlflow/mlflow.db", "sqlite:////mlflow/mlflow.db"),
)


@pytest.mark.parametrize(("uri", "wanted"), DRIVEN)
def test_postgresql_is_asked_by_the_driver_of_the_image(
    serve: ModuleType, uri: str, wanted: str
) -> None:
    assert serve.with_driver(uri) == wanted


def test_a_folder_that_cannot_be_written_is_told_with_its_remedy(
    serve: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(serve.Refused, match="cannot be written by user .* mount a volume"):
        serve.require_folder(tmp_path / "file" / "mlflow")


def test_the_file_of_logins_is_for_its_user_alone(serve: ModuleType, tmp_path: Path) -> None:
    path = serve.auth_file("postgresql://mlflow:a%40b@db/mlflow", tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    found = ConfigParser()
    found.read(path)  # as MLflow reads it
    assert found["mlflow"]["database_uri"] == "postgresql://mlflow:a%40b@db/mlflow"


def test_a_refusal_is_one_line_and_exit_code_1() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={"PATH": os.environ["PATH"], **GIVEN, "MLFLOW_BACKEND_STORE_URI": "oracle://db"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: MLFLOW_BACKEND_STORE_URI begins with 'oracle'")
    assert len(done.stderr.splitlines()) == 1
