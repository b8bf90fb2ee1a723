"""Start MLflow's server as the environment asks for, or refuse in one sentence.

MLflow's own variables, with what they are in this image:

    MLFLOW_BACKEND_STORE_URI      sqlite:////mlflow/mlflow.db; or postgresql://user@host/database,
                                  whose password belongs in PGPASSWORD (or a file, PGPASSFILE)
    MLFLOW_ARTIFACTS_DESTINATION  /mlflow/artifacts; or s3://bucket/folder, gs://bucket/folder
    MLFLOW_S3_ENDPOINT_URL        an S3 server that is not Amazon's, as http://minio:9000
    MLFLOW_SERVER_ALLOWED_HOSTS   the names that it is asked by, as mlflow:5001,mlflow.team.svc:5001
    MLFLOW_PORT, MLFLOW_WORKERS   5001 and 1
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION   false

Ours, which asks everyone for a name and a password (kept in the same database):

    KANARYA_MLFLOW_AUTH=basic     with MLFLOW_AUTH_ADMIN_PASSWORD for the user `admin`, and
                                  MLFLOW_FLASK_SERVER_SECRET_KEY, one for all replicas

Arguments go to `mlflow server`, e.g. --expose-prometheus.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

STORES = ("sqlite", "postgresql", "postgresql+psycopg2")
PLAIN, DRIVEN = "postgresql://", "postgresql+psycopg2://"
OBJECTS = ("", "file", "s3", "gs")
SECRETS = ("MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY")
CONNECT_S = 5
AUTH = """[mlflow]
default_permission = READ
database_uri = {uri}
admin_username = admin
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


class Refused(Exception):
    """What is missing or wrong, and what to do: one sentence, without any secret."""


def check(env: Mapping[str, str]) -> None:
    """Refuse what cannot work, before MLflow tries. Raises Refused."""
    _require_scheme("MLFLOW_BACKEND_STORE_URI", env, STORES, "postgresql://user@host/database")
    _require_scheme("MLFLOW_ARTIFACTS_DESTINATION", env, OBJECTS, "s3://bucket/folder")
    asked = env.get("KANARYA_MLFLOW_AUTH", "")
    if asked not in ("", "basic"):
        raise Refused(f"KANARYA_MLFLOW_AUTH is {asked!r}; set it to basic, or leave it out")
    missing = [name for name in SECRETS if asked and not env.get(name)]
    if missing:
        raise Refused(f"KANARYA_MLFLOW_AUTH=basic needs {' and '.join(missing)}, from a secret")


def folders(env: Mapping[str, str]) -> list[Path]:
    """Return the folders that the server must be able to write."""
    store = urlsplit(env["MLFLOW_BACKEND_STORE_URI"])
    objects = urlsplit(env["MLFLOW_ARTIFACTS_DESTINATION"])
    # sqlite:////mlflow/mlflow.db: the first slash of the path only parts it from the host.
    wanted = [Path(store.path[1:]).parent] if store.scheme == "sqlite" else []
    return wanted + ([Path(objects.path)] if objects.scheme in ("", "file") else [])


def require_folder(folder: Path) -> None:
    """Make a folder where it is missing. Raises Refused where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Refused(
            f"{folder} cannot be written by user {os.getuid()} ({error.strerror}); mount a volume "
            "that this user owns at /mlflow, or set MLFLOW_BACKEND_STORE_URI and "
            "MLFLOW_ARTIFACTS_DESTINATION"
        ) from error


def with_driver(uri: str) -> str:
    """Return the URI with the driver of this image; SQLAlchemy 2.1 would look for another one."""
    return uri.replace(PLAIN, DRIVEN, 1) if uri.startswith(PLAIN) else uri


def require_database(uri: str) -> None:
    """Connect once. Raises Refused with the database's own words where that fails."""
    import psycopg2

    try:
        psycopg2.connect(uri.replace(DRIVEN, PLAIN, 1), connect_timeout=CONNECT_S).close()
    except psycopg2.Error as error:
        said = " ".join(str(error).split())
        raise Refused(
            f"the database of MLFLOW_BACKEND_STORE_URI does not answer: {said}"
        ) from error


def auth_file(uri: str, folder: Path) -> Path:
    """Write MLflow's configuration of logins, which only this user may read; return its path."""
    path = folder / "mlflow-auth.ini"
    path.touch(mode=0o600)
    path.write_text(AUTH.format(uri=uri.replace("%", "%%")), encoding="utf-8")
    return path


def main() -> None:
    """Check, then become `mlflow server`."""
    env = dict(os.environ)
    check(env)
    for folder in folders(env):
        require_folder(folder)
    store, words = with_driver(env["MLFLOW_BACKEND_STORE_URI"]), ["mlflow", "server"]
    if store.startswith(DRIVEN):
        require_database(store)
    env["MLFLOW_BACKEND_STORE_URI"] = store
    if env.get("KANARYA_MLFLOW_AUTH"):
        env["MLFLOW_AUTH_CONFIG_PATH"] = str(auth_file(store, Path(tempfile.gettempdir())))
        words += ["--app-name", "basic-auth"]
    os.execvpe(words[0], [*words, *sys.argv[1:]], env)


def _require_scheme(
    name: str, env: Mapping[str, str], known: tuple[str, ...], example: str
) -> None:
    scheme = urlsplit(env.get(name, "")).scheme
    if not env.get(name) or scheme not in known:
        raise Refused(f"{name} begins with {scheme!r}, which this image cannot use; try {example}")


if __name__ == "__main__":
    try:
        main()
    except Refused as refusal:
        sys.exit(f"error: {refusal}")
