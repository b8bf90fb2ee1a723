"""Keras models as ONNX: they agree, or are refused with the reason. TensorFlow takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components import keras_conversion
from serving.errors import ModelError
from serving.image_signature import IMAGE, Image, encode_images
from serving.onnx_model import OnnxModel
from tests.components import keras_models
from tests.components.keras_models import Build, cnn, flat, half, images, nested, residual, saved

pytestmark = pytest.mark.e2e

SIZE_8, SIZE_32 = Image(8, 8, 3), Image(32, 32, 3)


def converted(model: Any, path: Path, image: Image) -> OnnxModel:
    """Save, load, convert and load again."""
    loaded = keras_conversion.load(saved(model, path / "model.keras"))
    assert keras_conversion.image_of(loaded, 1.0) == image
    (path / "model.onnx").write_bytes(keras_conversion.to_onnx(loaded, image))
    return OnnxModel.load(path)


@pytest.mark.parametrize(
    ("build", "image", "tolerance"),
    [
        (cnn, SIZE_8, 1e-5),
        (lambda: cnn(10, size=32), SIZE_32, 1e-5),
        (residual, SIZE_8, 1e-5),
        (nested, SIZE_8, 1e-5),
        (half, SIZE_8, 5e-3),
    ],
    ids=["8x8", "32x32", "functional", "model in a model", "float16"],
)
def test_the_graph_agrees_with_the_native_model(
    tmp_path: Path, build: Build, image: Image, tolerance: float
) -> None:
    model = build()
    onnx = converted(model, tmp_path, image)
    assert onnx.inputs == (IMAGE,)
    assert onnx.session.get_inputs()[0].shape == ["n", *image.shape]
    encoded = encode_images(image, images(50, image.height))
    native = np.asarray(model(encoded, training=False), np.float32)
    for rows in (1, 7, 50):
        found = onnx.run({IMAGE: encoded[:rows]})
        assert (found.dtype, found.shape) == (np.float32, (rows, native.shape[1]))
        np.testing.assert_allclose(found, native[:rows], atol=tolerance)
    np.testing.assert_allclose(keras_conversion.probabilities(model, encoded), native, atol=1e-6)


@pytest.mark.parametrize(
    ("units", "activation", "expected"),
    [
        (3, "linear", lambda y: np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)),
        (1, "sigmoid", lambda p: np.hstack([1 - p, p])),
        (1, "linear", lambda y: np.hstack([1 / (1 + np.exp(y)), 1 / (1 + np.exp(-y))])),
    ],
    ids=["logits", "sigmoid", "logit"],
)
def test_every_head_becomes_probabilities_of_each_class(
    tmp_path: Path, units: int, activation: str, expected: Any
) -> None:
    model = cnn(units, activation)
    encoded = encode_images(SIZE_8, images(20))
    wanted = expected(np.asarray(model(encoded, training=False), np.float64))
    assert wanted.shape[1] == max(units, 2)
    found = converted(model, tmp_path, SIZE_8).run({IMAGE: encoded})
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    np.testing.assert_allclose(keras_conversion.probabilities(model, encoded), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("units", "activation"), [(3, "sigmoid"), (3, "relu"), (1, "softmax"), (1, "tanh")]
)
def test_a_head_that_gives_no_probabilities_is_refused(units: int, activation: str) -> None:
    with pytest.raises(ModelError, match=f"ends in {activation} of the shape \\(None, {units}\\)"):
        keras_conversion.to_onnx(cnn(units, activation), SIZE_8)


def headless() -> Any:
    k = keras_models.keras()
    return k.Sequential([k.layers.Input((8, 8, 3)), k.layers.Flatten()])


def maps() -> Any:
    k = keras_models.keras()
    layers = [k.layers.Input((8, 8, 3)), k.layers.Conv2D(2, 1, activation="softmax")]
    return k.Sequential(layers)


@pytest.mark.parametrize(
    ("build", "words"),
    [(headless, "ends in Flatten"), (maps, r"of the shape \(None, 8, 8, 2\)")],
)
def test_a_model_that_is_no_classifier_is_refused(build: Build, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        keras_conversion.probabilities(build(), np.zeros((1, 8, 8, 3), np.float32))


def test_an_operator_that_onnx_lacks_is_refused_by_its_name(
    capfd: pytest.CaptureFixture[str],
) -> None:
    import tensorflow as tf

    k = keras_models.keras()

    class Bessel(k.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return tf.math.bessel_i0(x)

    with pytest.raises(ModelError, match="it has no operator BesselI0; build") as refused:
        keras_conversion.to_onnx(flat(Bessel()), SIZE_8)
    assert "\n" not in str(refused.value)
    assert "Unsupported" not in "".join(capfd.readouterr())


def any_size() -> Any:
    k = keras_models.keras()
    given = k.Input((None, None, 3))
    pooled = k.layers.GlobalAveragePooling2D()(given)
    return k.Model(given, k.layers.Dense(2, activation="softmax")(pooled))


def rows() -> Any:
    k = keras_models.keras()
    return k.Sequential([k.layers.Input((8,)), k.layers.Dense(2, activation="softmax")])


@pytest.mark.parametrize(("build", "words"), [(any_size, "None, None, None, 3"), (rows, "None, 8")])
def test_a_model_that_takes_no_images_of_one_size_is_refused(build: Build, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        keras_conversion.image_of(build(), 1.0)


def test_a_lambda_layer_is_refused_and_never_runs(tmp_path: Path) -> None:
    k, trace = keras_models.keras(), tmp_path / "executed"
    evil = k.layers.Lambda(lambda x, at=str(trace): (Path(at).touch(), x)[1])
    path = saved(flat(evil), tmp_path / "model.keras")
    trace.unlink()
    with pytest.raises(ModelError, match="holds a program of its own"):
        keras_conversion.load(path)
    assert not trace.exists()


def test_a_layer_that_is_registered_in_this_process_is_refused_all_the_same(tmp_path: Path) -> None:
    k = keras_models.keras()

    @k.saving.register_keras_serializable(package="mine")
    class Mine(k.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(ModelError, match="'Mine' is none of Keras's own"):
        keras_conversion.load(saved(flat(Mine()), tmp_path / "model.keras"))


def test_damaged_weights_are_one_sentence(tmp_path: Path) -> None:
    import zipfile

    good = saved(cnn(), tmp_path / "good.keras")
    with zipfile.ZipFile(good) as archive:
        config = archive.read("config.json").decode()
    path = keras_models.archive(tmp_path / "bad.keras", config, b"no weights")
    with pytest.raises(ModelError, match="is no model that Keras") as refused:
        keras_conversion.load(path)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500
