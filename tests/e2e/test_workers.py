"""Two processes on loopback train one network: equal weights, and as good as one process alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from components import image_dataset
from components.image_dataset import ImageSchema
from components.workers import ADDRESSES, INDEX
from tests.e2e.conftest import ROOT
from tests.e2e.mlflow_servers import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROWS, SIDE = 640, 12
SETTINGS = ("epochs=3", "width=8", "learning_rate=0.05", "validation_size=0.2", "batch_size=64")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise, half of it with a red square in its middle."""
    folder = tmp_path_factory.mktemp("pictures") / "train"
    folder.mkdir()
    rng = np.random.default_rng(0)
    pixels, classes = image_dataset.room(folder, ROWS, (SIDE, SIDE, 3)), np.arange(ROWS) % 2
    pixels[:] = rng.integers(0, 120, pixels.shape)
    pixels[classes == 1, 4:8, 4:8, 0] += 80
    schema = ImageSchema(
        source="noise", sha256="0" * 64, rows=ROWS, height=SIDE, width=SIDE, channels=3,
        labels=("noise", "square"),
    )  # fmt: skip
    image_dataset.finish(folder, schema, classes, [f"{n}.png" for n in range(ROWS)])
    return folder


def begin(pictures: Path, home: Path, **environment: str) -> subprocess.Popen[str]:
    home.mkdir()
    words = ["--train", str(pictures), "--model", str(home / "model"), "--name", "squares"]
    words += ["--kind", "cnn", "--run-key", "squares-train", "--random-state", "1", *SETTINGS]
    around = {"PYTHONPATH": str(ROOT), "KANARYA_HOME": str(home / "kanarya"), **environment}
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("training.py")), str(home / "w.npz"), *words],
        env={**os.environ, **around},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, out + err
    return out


def reached(home: Path) -> float:
    history = json.loads((home / "model" / "history.json").read_text())
    return float(history["validation_accuracy"][-1])


def test_two_workers_end_with_one_network_that_is_as_good_as_that_of_one(
    pictures: Path, tmp_path: Path
) -> None:
    together = ",".join(f"127.0.0.1:{free_port()}" for _ in range(2))
    homes = [tmp_path / f"worker-{n}" for n in range(2)]
    pair = [
        begin(pictures, home, **{ADDRESSES: together, INDEX: str(n)})
        for n, home in enumerate(homes)
    ]
    said = [ended(process) for process in pair]
    ended(begin(pictures, tmp_path / "alone"))

    weights = [np.load(home / "w.npz") for home in homes]
    for name in weights[0]:
        np.testing.assert_array_equal(weights[0][name], weights[1][name])
    assert reached(homes[0]) >= reached(tmp_path / "alone") - 0.05 >= 0.9
    # The first records and writes, the second only trains.
    assert "run: " in said[0] and "run: " not in said[1]
    assert (homes[0] / "model" / "native" / "MLmodel").is_file()
    assert sorted(each.name for each in homes[1].iterdir()) == ["w.npz"]
