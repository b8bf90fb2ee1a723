"""One predictor with both doors, REST and gRPC, that every foreign client of this folder asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.predictor.conformance.doors import Doors, both


@pytest.fixture(scope="session")
def doors(mixed_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """The model `people`, version 3: columns of every kind, labels 0 and 1."""
    with both(mixed_model_dir, "people", tmp_path_factory.mktemp("doors") / "log") as opened:
        yield opened
