"""The real predictor is started, asked and ended, however the step ends."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from components import servable
from components.servability import predictor, step
from serving import artifact
from serving.artifact import Golden
from serving.errors import ModelError
from tests.components import tables
from tests.serving import imagedirs, modeldirs

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).resolve().parents[3]


def below() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def test_a_model_gives_its_golden_answers_and_is_measured(
    iris_model_dir: Path, tmp_path: Path
) -> None:
    before = below()
    found = step.run(iris_model_dir, {"start_s": 60.0}, tmp_path / "served")
    assert {"serving_p50_ms", "serving_p99_ms", "serving_start_s"} <= set(found)
    (check,) = servable.read(tmp_path / "served").checks
    assert check.passed
    assert below() == before


def other_answers(folder: Path) -> None:
    """Golden answers beyond the step's tolerance that the predictor itself would refuse too."""
    golden = artifact.read_golden(folder)
    turned = np.roll(golden.probabilities, 1, axis=1)
    artifact.write_golden(folder, Golden(golden.columns, turned))
    artifact.seal(folder)


def torn(folder: Path) -> None:
    (folder / artifact.MODEL).write_bytes(b"no model")


@pytest.mark.parametrize("harm", [other_answers, torn])
def test_a_model_that_cannot_be_served_is_told_in_the_predictors_words(
    harm, iris_model_dir: Path, tmp_path: Path
) -> None:
    before = below()
    broken = tmp_path / "broken"
    shutil.copytree(iris_model_dir, broken)
    harm(broken)
    with pytest.raises(ModelError, match="the predictor does not start: .*"):
        step.run(broken, {}, tmp_path / "served")
    assert not (tmp_path / "served").exists()
    assert below() == before


def test_the_predictor_ends_with_a_step_that_is_killed(iris_model_dir: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from components.servability import predictor\n"
        "with predictor.started(Path(sys.argv[1])) as found:\n"
        "    print(found.pid, flush=True); time.sleep(60)"
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", code, str(iris_model_dir)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert killed.stdout is not None
    left = psutil.Process(int(killed.stdout.readline()))
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdout.close()
    end = time.monotonic() + 20
    while left.is_running() and left.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, "the predictor outlived its step"
        time.sleep(0.05)


def test_memory_of_nobody_is_not_told() -> None:
    assert predictor.memory(2**22 + 1) == (None, None)


def images(home: Path) -> Path:
    return imagedirs.build(home / "images", "pets")


def numbers(home: Path) -> Path:
    return tables.walk(home, tables.prices(), "linear_regression").packaged


def native(home: Path) -> Path:
    return modeldirs.build_native(home / "native", "iris", modeldirs.iris())


def words_and_gaps(home: Path) -> Path:
    return modeldirs.build(home / "mixed", "mixed", modeldirs.mixed())


@pytest.mark.parametrize("made", [images, numbers, native, words_and_gaps])
def test_every_kind_of_model_is_served_and_measured(
    made: Callable[[Path], Path], tmp_path: Path
) -> None:
    packaged = made(tmp_path)
    found = step.run(packaged, {}, tmp_path / "served")
    assert found["serving_golden_rows"] == len(artifact.read_golden(packaged).probabilities) > 0
    assert 0 < found["serving_p50_ms"] <= found["serving_p99_ms"]
    assert servable.read(tmp_path / "served").metrics == found
