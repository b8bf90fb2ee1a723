"""The benchmark's CNN as a sealed model directory of ours, packaged as any Keras model is.

`python -m scripts.bench.image_model MODEL.keras DIRECTORY` runs in the environment that holds
TensorFlow, which the benchmark itself can do without.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np

from serving.errors import KanaryaError

IMAGES, CLASSES = 64, 10
SHAPE = (32, 32, 3)


def main(model: Path, packaged: Path) -> None:
    """Package the model; end with one sentence where it cannot be."""
    from components.package import images

    rng = np.random.default_rng(1)
    inputs = images.Inputs(
        name="m",
        model=model,
        labels=tuple(range(CLASSES)),
        images=rng.integers(0, 256, (IMAGES, *SHAPE), np.uint8),
        classes=rng.integers(0, CLASSES, IMAGES),
        scale=1 / 255,
    )
    origin = images.Origin("cnn", sha256(model.read_bytes()).hexdigest(), {})
    try:
        images.run(inputs, origin, packaged, datetime.now(UTC))
    except KanaryaError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
