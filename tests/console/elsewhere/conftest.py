"""A cluster, and the console's view of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.data.elsewhere import Elsewhere
from console.data.runs import Runs
from tests.console.elsewhere.far import Here, world_of
from tests.pipelines.kfp_api.conftest import kfp, package, started
from tests.pipelines.kfp_api.server import FakeKfp

__all__ = ["kfp", "package", "started"]


@pytest.fixture
def places(kfp: FakeKfp, tmp_path: Path) -> Elsewhere:
    settings = world_of(tmp_path, KFP_HOST=kfp.host, KFP_POLL_SECONDS="0.001")
    return Elsewhere(settings, Here(), Here())


@pytest.fixture
def runs(places: Elsewhere) -> Runs:
    return Runs.of(places.settings.base, places)
