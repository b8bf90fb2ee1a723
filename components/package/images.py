"""Package a Keras model of images: its file and test images in, a sealed model directory out."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components import keras_conversion
from components.baseline import channel_baseline
from components.conversion import OPSET
from components.package import batching, directory, rules
from serving import artifact
from serving.artifact import Card, Golden
from serving.card import Feedback
from serving.errors import ModelError, UsageError
from serving.image_signature import IMAGE, Image, encode_images
from serving.signature import Label, Signature
from serving.storage import partial

if TYPE_CHECKING:
    from serving.onnx_model import OnnxModel

KERAS_FILE = "model.keras"


@dataclass(frozen=True)
class Inputs:
    """A trained model of images, and images that it was not trained on.

    `model`: a `.keras` file; `labels`: in the order of its units (of a single unit: no, yes);
    `images`: uint8 [n, height, width, channels]; `classes`: the place in `labels` of each, [n];
    `scale`: what a pixel is multiplied by before the model sees it, 1 where it rescales itself;
    `native`: the MLflow model directory that holds the file, kept whole where there is one.
    """

    name: str
    model: Path
    labels: tuple[Label, ...]
    images: np.ndarray
    classes: np.ndarray
    scale: float = 1.0
    native: Path | None = None


@dataclass(frozen=True)
class Origin:
    """Where the model comes from, and what is kept of its predictions, for its card."""

    kind: str
    data_sha256: str
    metrics: Mapping[str, float]
    feedback: Feedback = "asked"


def run(inputs: Inputs, origin: Origin, packaged: Path, now: datetime) -> dict[str, Any]:
    """Write the model directory, not published yet, and return what the pipeline's UI shows of it.

    Raises `ModelError` where the file holds code or operators that ONNX does not have, or with the
    worst image where the ONNX model does not agree with the trained one.
    """
    model = keras_conversion.load(inputs.model)
    image = keras_conversion.image_of(model, inputs.scale)
    _check(inputs, image)
    encoded = encode_images(image, inputs.images)
    native = keras_conversion.probabilities(model, encoded)
    _check_width(inputs.labels, native)
    with partial(packaged) as unfinished:
        unfinished.mkdir()
        _copy_native(inputs, unfinished / artifact.NATIVE)
        served = directory.load(unfinished, keras_conversion.to_onnx(model, image))
        answers = _agreed(inputs, native, _asked(served, encoded))
        gathered = batching.of_graph(served.run, {IMAGE: encoded[: batching.SIZES[-1]]})
        rest = directory.Rest(
            replace(_card(inputs, image, origin, now), batching=gathered),
            _golden(inputs, answers),
            channel_baseline(inputs.images, native.argmax(axis=1), inputs.labels),
        )
        return directory.seal(unfinished, rest)


def _copy_native(inputs: Inputs, directory: Path) -> None:
    if inputs.native:
        shutil.copytree(inputs.native, directory)
        return
    directory.mkdir()
    shutil.copyfile(inputs.model, directory / KERAS_FILE)


def _check(inputs: Inputs, image: Image) -> None:
    images, classes = inputs.images, inputs.classes
    if images.dtype != np.uint8 or images.shape[1:] != image.shape or not len(images):
        raise UsageError(
            f"The images are {images.dtype} {images.shape}, expected uint8 (n, "
            f"{', '.join(map(str, image.shape))}) with at least one, as the model takes them."
        )
    if classes.shape != (len(images),) or not np.isin(classes, range(len(inputs.labels))).all():
        raise UsageError(
            f"The classes are {classes.dtype} {classes.shape}, expected {len(images)} whole "
            f"numbers from 0 to {len(inputs.labels) - 1}: the place of each image's label."
        )


def _check_width(labels: tuple[Label, ...], probabilities: np.ndarray) -> None:
    if probabilities.shape[1] != len(labels):
        raise ModelError(
            f"The model tells {probabilities.shape[1]} classes apart, but there are {len(labels)} "
            f"labels ({', '.join(map(str, labels[:5]))}); give one label a class."
        )


def _asked(served: OnnxModel, images: np.ndarray) -> np.ndarray:
    """Return the graph's answers; all images at once would take its memory times their number."""
    size = keras_conversion.BATCH
    parts = [served.run({IMAGE: images[at : at + size]}) for at in range(0, len(images), size)]
    return np.concatenate(parts)


def _agreed(inputs: Inputs, native: np.ndarray, onnx: np.ndarray) -> np.ndarray:
    def shown(row: int) -> dict[str, Any]:
        return {"class": inputs.labels[inputs.classes[row]]}

    return directory.agreed(native, onnx, inputs.labels, shown)


def _golden(inputs: Inputs, probabilities: np.ndarray) -> Golden:
    chosen = rules.golden_rows(inputs.classes, np.zeros(len(inputs.classes), dtype=bool))
    return Golden({IMAGE: inputs.images[chosen]}, probabilities[chosen])


def _card(inputs: Inputs, image: Image, origin: Origin, now: datetime) -> Card:
    return Card(
        name=inputs.name,
        kind=origin.kind,
        signature=Signature((), inputs.labels, image),
        data_sha256=origin.data_sha256,
        libraries=keras_conversion.libraries(),
        metrics=dict(origin.metrics),
        opset=OPSET,
        created_at=now.isoformat(timespec="seconds"),
        task="image",
        feedback=origin.feedback,
    )
