"""The network for images: a whitening layer, then three stages of two convolutions (in Keras).

What it learns fast from, and costs little: the first layer is computed from the training pictures
(its answers are uncorrelated and of one size), most of the work is done after each stage has halved
the picture, and batches are normalized after that. The layout is that of K. Jordan, "94% on
CIFAR-10 in 3.29 seconds on a single GPU" (2024, arXiv:2404.00498), made narrow for processors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from components.keras_conversion import imported_keras

if TYPE_CHECKING:
    KerasModel = Any

WHITENED = 5000
"""Pictures whose patches the first layer is computed from."""
PATCH = 2
EPSILON = 5e-4
"""Keeps directions in which pictures hardly differ from being blown up to noise."""
STAGES = 3
LONGEST = 48
"""Pictures with a longer side are averaged to half their size before the first stage, and again,
as long as the other one keeps `SMALLEST` pixels."""
SMALLEST = 8


@dataclass(frozen=True)
class Layout:
    """What the network is made for: the pictures' shape, the classes, channels, dropout."""

    shape: tuple[int, int, int]
    classes: int
    width: int
    dropout: float = 0.0


def build(layout: Layout, *, softmax: bool) -> KerasModel:
    """Return the network, pictures float32 from 0 to 1 in; its weights are random.

    With `softmax` it answers probabilities [n, classes], else logits, which are what is trained.
    """
    keras = imported_keras()
    given = keras.Input(layout.shape, name="image")
    found = _stem(keras, layout)(_halved(keras, layout, given))
    found = keras.layers.Activation("relu")(found)
    for stage in range(STAGES):
        found = _stage(keras, found, layout.width * 2**stage)
    found = keras.layers.GlobalMaxPooling2D()(found)
    if layout.dropout:
        found = keras.layers.Dropout(layout.dropout)(found)
    found = keras.layers.Dense(layout.classes, dtype="float32", name="logits")(found)
    if softmax:
        found = keras.layers.Softmax(dtype="float32", name="probabilities")(found)
    return keras.Model(given, found, name="cnn")


def _halved(keras: Any, layout: Layout, found: Any) -> Any:
    short, long = sorted(layout.shape[:2])
    while long > LONGEST and short >= 2 * SMALLEST:
        found = keras.layers.AveragePooling2D(2)(found)
        short, long = short // 2, long // 2
    return found


def _stem(keras: Any, layout: Layout) -> Any:
    filters = 2 * PATCH * PATCH * layout.shape[2]
    return keras.layers.Conv2D(filters, PATCH, trainable=False, name="whitening")


def _stage(keras: Any, found: Any, channels: int) -> Any:
    layers = keras.layers
    for is_first in (True, False):
        found = layers.Conv2D(channels, 3, padding="same", use_bias=False)(found)
        if is_first:
            found = layers.MaxPooling2D(padding="same" if min(found.shape[1:3]) < 4 else "valid")(
                found
            )
        found = layers.BatchNormalization(momentum=0.9, scale=False)(found)
        found = layers.Activation("relu")(found)
    return found


def whiten(model: KerasModel, images: np.ndarray) -> None:
    """Compute the first layer of a network from pictures, float32 [n, height, width, channels]."""
    layer = model.get_layer("whitening")
    before = model.get_config()["layers"]
    for _ in range(sum(each["class_name"] == "AveragePooling2D" for each in before)):
        images = _averaged(images)
    layer.set_weights(whitening(images))


def _averaged(images: np.ndarray) -> np.ndarray:
    rows, height, width, channels = images.shape
    cut = images[:, : height // 2 * 2, : width // 2 * 2]
    parts = cut.reshape(rows, height // 2, 2, width // 2, 2, channels)
    return np.asarray(parts.mean(axis=(2, 4), dtype=np.float32))


def whitening(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel [2, 2, channels, filters] and bias [filters] of the whitening layer.

    Patches of 2 x 2 are turned to their principal axes and each axis is scaled to variance one;
    of each answer there is the opposite as well, since a ReLU comes next.
    """
    patches = _patches(images)
    mean = patches.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(patches - mean, rowvar=False))
    turned = (axes / np.sqrt(np.maximum(variances, 0) + EPSILON)).T
    both = np.concatenate([turned, -turned])
    kernel = both.reshape(len(both), PATCH, PATCH, images.shape[-1]).transpose(1, 2, 3, 0)
    return kernel.astype(np.float32), (-both @ mean).astype(np.float32)


def _patches(images: np.ndarray) -> np.ndarray:
    """Return every third patch in height and width, [n, 4 * channels]."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (PATCH, PATCH), axis=(1, 2))
    thinned = windows[:, ::3, ::3].transpose(0, 1, 2, 4, 5, 3)
    return np.asarray(thinned.reshape(-1, PATCH * PATCH * images.shape[-1]), np.float64)
