"""An MLflow store of its own for each test that asks for `settings`."""

import os
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from components import tracking_store
from serving.settings import Settings


@pytest.fixture(scope="session")
def empty_store(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow store with its tables and nothing in them, kept: making them takes seconds."""
    kept = pytestconfig.cache.mkdir(f"mlflow-{version('mlflow')}") / "mlflow.db"
    if not kept.exists():
        made = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
        tracking_store.client(f"sqlite:///{made}").search_experiments()
        tracking_store.client.cache_clear()
        mine = kept.with_suffix(f".{os.getpid()}")
        shutil.copy(made, mine)
        mine.replace(kept)
    return kept


@pytest.fixture
def settings(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    found = Settings.from_env({"KANARYA_HOME": str(tmp_path / "home")})
    found.home.mkdir()
    shutil.copy(empty_store, found.home / "mlflow.db")
    for name, value in found.environment().items():
        monkeypatch.setenv(name, value)
    yield found
    tracking_store.client.cache_clear()
