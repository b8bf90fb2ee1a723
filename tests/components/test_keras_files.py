"""Which `.keras` files are let through to Keras; without Keras, so nothing can be executed."""

from pathlib import Path
from typing import Any

import pytest

from components import keras_files
from components.keras_files import refuse_code
from serving.errors import ModelError
from tests.components.keras_models import archive, layer, sequential

MARSHALLED = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None}}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (sequential(layer("Lambda", function=MARSHALLED)), "'Lambda' holds a program of its own"),
        (sequential(layer("Dense", activation=MARSHALLED)), "'lambda' holds a program of its own"),
        (sequential(layer("TFSMLayer", filepath="/tmp/x")), "'TFSMLayer' holds a program"),
        (sequential(layer("TorchModuleWrapper", module="gASV")), "'TorchModuleWrapper' holds a"),
        (sequential(layer("TextVectorization", vocabulary="/etc/passwd")), "opens files"),
        (sequential(layer("My", None)), "'My' is none of Keras's own"),
        (sequential(layer("system", "os")), "'system' is none of Keras's own"),
        (sequential(layer("get_file", "keras.utils")), "'get_file' is none of Keras's own"),
        (sequential(layer("x", "keras.src.utils.file_utils")), "is none of Keras's own"),
        (sequential(layer("x", "keras.layers.evil")), "is none of Keras's own"),
        (sequential(layer("Dense", initializer=layer("eval", "builtins"))), "'eval' is none of"),
        (sequential({**layer("Dense"), "module": ["keras"]}), "'Dense' is none of Keras's own"),
        (sequential(layer("Dense"), layer("Conv2D")), None),
        ({**sequential(layer("Dense")), "compile_config": layer("my_loss", "mine")}, None),
    ],
)
def test_only_keras_own_layers_without_programs_are_let_through(
    tmp_path: Path, config: Any, words: str | None
) -> None:
    path = archive(tmp_path / "model.keras", config)
    if words is None:
        refuse_code(path)
        return
    with pytest.raises(ModelError, match=words) as refused:
        refuse_code(path)
    assert "save it again" in str(refused.value)


@pytest.mark.parametrize(
    "data", [b"", b"import os", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n" + bytes(99)]
)
def test_what_is_no_keras_file_is_refused_in_one_sentence(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"is no \.keras file \(.+\); save it with") as refused:
        refuse_code(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("config", ["{", "[" * 100_000, "", "[" * 100_000 + "]" * 100_000])
def test_a_damaged_configuration_is_refused(tmp_path: Path, config: str) -> None:
    with pytest.raises(ModelError, match=r"is no \.keras file"):
        refuse_code(archive(tmp_path / "model.keras", config))


def test_a_configuration_that_unpacks_to_too_much_is_not_unpacked(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.keras", " " * (keras_files.LIMIT + 1))
    assert path.stat().st_size < 2**20
    with pytest.raises(ModelError, match="has 16777217 bytes, allowed are 16777216"):
        refuse_code(path)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is no \.keras file"):
        refuse_code(tmp_path / "none.keras")
