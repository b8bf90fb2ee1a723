"""An MLflow store of its own for each test that asks for `settings`."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from components import tracking_store
from serving.settings import Settings


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
