"""Fixtures that several packages share."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import settings

from serving import letters
from serving.artifact import publish
from tests.selecting import may_hold, text_of

os.environ.setdefault("KANARYA_CONSOLE", "0")  # `kanarya up` is called often, its pages seldom
os.environ.setdefault("KANARYA_WATCH", "0")
letters.take()  # as the command does, of which many tests call what is below
# Every server of the tests is on this machine, which no proxy of the surroundings reaches.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "localhost,127.0.0.1,::1"

# KServe reads the flags of whoever imports it as its own: `--co` would be one that it has.
sys.argv[1:] = []
settings.register_profile("kanarya", deadline=None)  # how busy a machine is breaks no promise
settings.load_profile("kanarya")
gc.disable()  # until all is collected, of which nothing is garbage


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no file in which `-m` can find nothing: it would take the workers ten seconds."""
    asked = config.option.markexpr
    if not asked or collection_path.suffix != ".py":
        return None
    return not may_hold(asked, text_of(collection_path)) or None


def pytest_collection_finish() -> None:
    """Spare the collector the modules of a dozen heavy libraries: they stay to the end."""
    gc.collect()
    gc.freeze()
    gc.enable()


MAKE_STORE = "import sys; from components.tracking_store import client; client(sys.argv[1])"


@pytest.fixture(scope="session")
def empty_store(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow store with its tables and nothing in them, kept: making them takes seconds.

    A process of its own makes it, because MLflow writes where its store is into the environment.
    """
    kept = pytestconfig.cache.mkdir(f"mlflow-{version('mlflow')}") / "mlflow.db"
    if not kept.exists():
        made = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
        asked = [sys.executable, "-c", MAKE_STORE, f"sqlite:///{made}"]
        subprocess.run(asked, cwd=pytestconfig.rootpath, check=True, capture_output=True)
        mine = kept.with_suffix(f".{os.getpid()}")
        shutil.copy(made, mine)
        mine.replace(kept)
    return kept


@pytest.fixture(scope="session")
def iris_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published model directory: `iris`, version 1, four numeric columns, three text labels."""
    from tests.serving.modeldirs import build, iris

    home = tmp_path_factory.mktemp("iris")
    publish(build(home / "packaged", "iris", iris()), home / "1", "1")
    return home / "1"


@pytest.fixture(scope="session")
def mixed_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published model directory: `mixed`, version 3, every kind of column, labels 0 and 1."""
    from tests.serving.modeldirs import build, mixed

    home = tmp_path_factory.mktemp("mixed")
    publish(build(home / "packaged", "mixed", mixed()), home / "3", "3")
    return home / "3"


@pytest.fixture(scope="session")
def wide_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published model directory: `wide`, version 1, iris by a network for which batches pay."""
    from tests.serving.modeldirs import build, iris, wide_network

    home = tmp_path_factory.mktemp("wide")
    publish(build(home / "packaged", "wide", iris(), wide_network()), home / "1", "1")
    return home / "1"


@pytest.fixture(scope="session")
def native_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published model directory: `iris`, version 2, that answers from `native/model.skops`."""
    from tests.serving.modeldirs import build_native, iris

    home = tmp_path_factory.mktemp("native")
    publish(build_native(home / "packaged", "iris", iris()), home / "2", "2")
    return home / "2"
