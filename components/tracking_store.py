"""The MLflow store that the environment names: reached, opened, or told why not.

MLflow is used as a library on its SQL store: no server has to run.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from components.errors import TrackingError
from components.tracking_refusals import PASSWORD, USER, Answering, away, is_server, refusal, shown
from serving.settings import TRACKING_URI, Settings

SQLITE, TRACKING = "sqlite:///", "MLFLOW_TRACKING_URI"
CLOSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
# MLflow's own: 7 tries and 120 s, minutes of silence where a server is not there; and as long as a
# busy one says, which may be an hour.
PATIENCE = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
}


@lru_cache(maxsize=4)
def client(uri: str) -> Any:
    """Return MLflow's client for a tracking store that answers; a new SQLite file is created.

    Raises TrackingError where the store cannot be reached or opened.
    """
    uri = without_login(uri)
    for variable, value in {"MLFLOW_DISABLE_TELEMETRY": "true", **PATIENCE}.items():
        os.environ.setdefault(variable, value)
    import mlflow
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        with alone(uri):
            tracker = mlflow.MlflowClient(uri, uri)
            tracker.search_experiments(max_results=1)  # one cheap question
    except (MlflowException, SQLAlchemyError) as error:
        raise refusal(uri, error) or TrackingError(away(uri, error)) from error
    return Answering(tracker, uri)


def without_login(uri: str) -> str:
    """Return a server's address without the login in it, which goes where MLflow looks for one.

    MLflow prints the address that it is given, and names it in its errors.
    """
    login = urlsplit(uri).netloc.rpartition("@")[0]
    if not login or not is_server(uri):
        return uri
    user, _, password = login.partition(":")
    os.environ.update({USER: unquote(user), PASSWORD: unquote(password)})
    return shown(uri)


@contextmanager
def alone(uri: str) -> Iterator[None]:
    """Let one process at a time open a SQLite file: two that fill a new one hinder each other."""
    if not uri.startswith(SQLITE):
        yield
        return
    path = Path(uri.removeprefix(SQLITE))
    with _lock_beside(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released by the kernel when the process dies
        yield


def _lock_beside(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(f"{path.name}.lock").open("w")
    except OSError as error:
        if error.errno not in CLOSED:
            raise
        raise TrackingError(_nowhere(path, str(error.strerror))) from error


def _nowhere(path: Path, why: str) -> str:
    """Return the sentence for a place that is closed, which in a pod nobody has chosen."""
    asked = os.environ.get(TRACKING) or os.environ.get(TRACKING_URI)
    lead = f"{TRACKING} names" if asked else f"{TRACKING} is not set, so MLflow's database would be"
    return (
        f"{lead} {path}, which cannot be written ({why}): set it to the address of an MLflow "
        "server, or KANARYA_HOME to a folder that can be written, and run it again"
    )


def connect(settings: Settings | None = None) -> Any:
    """Return the client for the store that the environment names."""
    return client((settings or Settings.from_env()).tracking_uri)


def is_empty() -> bool:
    """Say whether nothing was ever recorded: importing MLflow to make a store takes seconds."""
    uri = Settings.from_env().tracking_uri
    return uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists()
