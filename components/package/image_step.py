"""Package a network with files: a trained one and its test images in, a model directory out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from components import image_dataset, keras_tracking, trained
from components.evaluation import read_scores
from components.image_dataset import Images
from components.package import images
from serving.artifact import NATIVE
from serving.card import Feedback
from serving.errors import ModelError

MOST_VALUES = 2**27
"""Numbers of images that the two forms are compared on: half a gigabyte of float32."""


@dataclass(frozen=True)
class Inputs:
    """The model's name, the trained network, the test images, and the evaluation.

    `feedback`: which predictions the server keeps for labels that come later.
    """

    name: str
    model: Path
    test: Path
    evaluation: Path
    feedback: Feedback = "asked"


def run(inputs: Inputs, packaged: Path, now: datetime) -> dict[str, Any]:
    """Write the model directory, not published yet, and return what the pipeline's UI shows of it.

    Raises `ModelError` with the worst image where the ONNX model does not agree with the network.
    """
    training = trained.read_training(inputs.model)
    signature = trained.read_signature(inputs.model)
    if signature.image is None:
        raise ModelError(f"{inputs.model} holds no model of images; train it again.")
    pixels, classes = compared(image_dataset.read(inputs.test))
    native = inputs.model / NATIVE
    given = images.Inputs(
        inputs.name,
        native / keras_tracking.KERAS_FILE,
        signature.labels,
        pixels,
        classes,
        signature.image.scale,
        native,
    )
    metrics = read_scores(inputs.evaluation).candidate
    origin = images.Origin(training.kind, training.data_sha256, metrics, inputs.feedback)
    return images.run(given, origin, packaged, now)


def compared(test: Images) -> tuple[np.ndarray, np.ndarray]:
    """Return the images that the two forms are compared on, evenly drawn, and their classes."""
    most = max(1, MOST_VALUES // int(np.prod(test.schema.shape)))
    rows = np.arange(test.schema.rows)
    if len(rows) > most:
        rows = np.linspace(0, len(rows) - 1, most).astype(int)
    return np.asarray(test.pixels[rows]), test.classes[rows]
