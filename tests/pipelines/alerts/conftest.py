from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.alerts.receivers import ADDRESSES
from serving.settings import Settings

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_env({"KANARYA_HOME": str(tmp_path / "home")})


@pytest.fixture
def to(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda addresses: monkeypatch.setenv(ADDRESSES, addresses)
