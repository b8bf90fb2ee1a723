"""Two predictors that the tests of this folder share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.predictor.running import FAULT, Predictor


@pytest.fixture(scope="session")
def started(
    iris_model_dir: Path, mixed_model_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Predictor, Predictor]]:
    """Two predictors, started side by side: `iris`, and `people` with fault injection."""
    logs = tmp_path_factory.mktemp("logs")
    with (
        Predictor(iris_model_dir, "iris", logs / "iris.log") as flowers,
        Predictor(mixed_model_dir, "people", logs / "people.log", "--fault_injection") as people,
    ):
        yield flowers.wait(), people.wait()


@pytest.fixture
def flowers(started: tuple[Predictor, Predictor]) -> Predictor:
    return started[0]


@pytest.fixture
def people(started: tuple[Predictor, Predictor]) -> Iterator[Predictor]:
    yield started[1]
    started[1].ask("POST", FAULT, {})
