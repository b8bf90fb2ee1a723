"""Small Keras models with fixed random weights, and some that nobody should load."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def keras() -> Any:
    """Return Keras on TensorFlow, as the conversion imports it; seconds, so only marked tests."""
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    keras.utils.set_random_seed(3)
    return keras


def cnn(units: int = 3, activation: str = "softmax", size: int = 8) -> Any:
    """Return a little of everything that a classifier of images is made of."""
    k = keras()
    layers = k.layers
    return k.Sequential(
        [
            layers.Input((size, size, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.RandomFlip(),
            layers.Conv2D(8, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(8, 3, activation="swish", kernel_regularizer=k.regularizers.L2(1e-4)),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(units, activation=activation),
        ]
    )


def residual() -> Any:
    """Return a functional model with a shortcut that ends in pooling and a softmax of its own."""
    k = keras()
    layers = k.layers
    given = k.Input((8, 8, 3))
    first = layers.Conv2D(6, 3, padding="same", activation="gelu")(given / 255.0)
    second = layers.SeparableConv2D(6, 3, padding="same")(first)
    joined = layers.LayerNormalization()(layers.Add()([first, second]))
    pooled = layers.GlobalAveragePooling2D()(joined)
    return k.Model(given, layers.Softmax()(layers.Dense(3)(pooled)))


def nested() -> Any:
    """Return a model whose last layer is a model."""
    k = keras()
    return k.Sequential([k.layers.Input((8, 8, 3)), residual()])


def half() -> Any:
    """Return a model that computes in float16, as GPUs train it."""
    k = keras()
    k.config.set_dtype_policy("mixed_float16")
    try:
        return cnn()
    finally:
        k.config.set_dtype_policy("float32")


def flat(*layers: Any, units: int = 2) -> Any:
    """Return a model with these layers in front of a softmax."""
    k = keras()
    last = [k.layers.Flatten(), k.layers.Dense(units, activation="softmax")]
    return k.Sequential([k.layers.Input((8, 8, 3)), *layers, *last])


def saved(model: Any, path: Path) -> Path:
    """Save a model and return where."""
    model.save(path)
    return path


def images(rows: int, size: int = 8) -> np.ndarray:
    """Return made-up pictures, uint8 [rows, size, size, 3]."""
    rng = np.random.default_rng(5)
    return rng.integers(0, 256, (rows, size, size, 3)).astype(np.uint8)


def archive(path: Path, config: Any, weights: bytes = b"") -> Path:
    """Write a `.keras` file with this configuration, without Keras."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        made.writestr("metadata.json", "{}")
        made.writestr("model.weights.h5", weights)
    return path


def layer(kind: str, module: str | None = "keras.layers", **config: Any) -> dict[str, Any]:
    """Return one layer as Keras writes it."""
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def sequential(*layers: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with these layers."""
    return layer("Sequential", "keras", layers=list(layers))


Build = Callable[[], Any]
