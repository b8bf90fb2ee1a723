"""No hostile model directory is loaded, nothing of it is executed, each refusal is a sentence."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from serving.artifact import MODEL, seal
from serving.errors import KanaryaError, ModelError
from serving.predictor.served import load
from serving.sealed import verified
from tests.serving.damage import a_pipe_as, linked, pickled, written, zipped
from tests.serving.hostile import CASES
from tests.serving.predictor.running import DEADLINE_S, command


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_directory_is_refused_and_nothing_of_it_is_executed(
    iris_model_dir: Path, native_model_dir: Path, tmp_path: Path, case: str
) -> None:
    sound = native_model_dir if CASES[case].native else iris_model_dir
    directory = shutil.copytree(sound, tmp_path / "model")
    CASES[case].apply(directory, tmp_path / "executed")
    with pytest.raises(KanaryaError) as refused:
        load(directory)
    assert CASES[case].words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1000
    assert not (tmp_path / "executed").exists()


@pytest.mark.e2e
@pytest.mark.parametrize("case", CASES)
def test_a_predictor_ends_with_one_line_before_it_serves_a_hostile_directory(
    iris_model_dir: Path, native_model_dir: Path, tmp_path: Path, case: str
) -> None:
    sound = native_model_dir if CASES[case].native else iris_model_dir
    directory = shutil.copytree(sound, tmp_path / "model")
    CASES[case].apply(directory, tmp_path / "executed")
    done = subprocess.run(
        command(directory, "--http_port", "0"), capture_output=True, text=True, timeout=DEADLINE_S
    )
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert CASES[case].words in line
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "swap", [written(MODEL, b"x"), a_pipe_as(MODEL), linked(MODEL, "card.json")]
)
def test_what_is_read_is_what_was_verified_or_nothing(
    iris_model_dir: Path, tmp_path: Path, swap: object
) -> None:
    sealed = verified(shutil.copytree(iris_model_dir, tmp_path / "model"))
    before = sealed.read(MODEL, 2**20)
    swap(sealed.directory, tmp_path)  # type: ignore[operator]
    with pytest.raises(ModelError, match=MODEL):
        sealed.read(MODEL, 2**20)
    assert before == (iris_model_dir / MODEL).read_bytes()


def test_a_file_beyond_its_limit_is_not_read(iris_model_dir: Path) -> None:
    with pytest.raises(ModelError, match="more than the 10 bytes"):
        verified(iris_model_dir).read(MODEL, 10)


def test_a_native_model_that_does_not_answer_is_never_opened_as_one(
    iris_model_dir: Path, tmp_path: Path
) -> None:
    directory = shutil.copytree(iris_model_dir, tmp_path / "model")
    layer = b'{"class_name": "Lambda", "config": {"function": {"code": "4wEAAAA="}}}'
    files = {"model.pkl": pickled(tmp_path / "executed"), "model.skops": b"PK"}
    files["model.keras"] = zipped({"config.json": b'{"config": {"layers": [' + layer + b"]}}"})
    for name, data in files.items():
        (directory / "native" / name).write_bytes(data)
    seal(directory)
    assert load(directory).card.name == "iris"
    assert not (tmp_path / "executed").exists()
