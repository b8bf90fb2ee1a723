"""Predictors with both doors, REST and gRPC, that the foreign clients of this folder ask."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.predictor.conformance.doors import Doors, both


@pytest.fixture(scope="session")
def doors(mixed_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """The model `people`, version 3: columns of every kind, labels 0 and 1."""
    with both(mixed_model_dir, "people", tmp_path_factory.mktemp("doors") / "log") as opened:
        yield opened


@pytest.fixture(scope="session")
def iris_doors(iris_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """The model `iris`, version 1: four numeric columns, labels that are texts."""
    with both(iris_model_dir, "iris", tmp_path_factory.mktemp("doors") / "log") as opened:
        yield opened
