"""The network takes pictures of every size. TensorFlow takes seconds."""

from __future__ import annotations

import numpy as np
import pytest

from components import cnn

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("height", "width", "halved"),
    [(8, 8, 0), (48, 48, 0), (49, 31, 1), (51, 97, 1), (120, 200, 3), (8, 400, 0), (17, 400, 1)],
)
def test_large_pictures_are_halved_as_long_as_their_other_side_is_large_enough(
    height: int, width: int, halved: int
) -> None:
    model = cnn.build(cnn.Layout((height, width, 3), 2, 4), softmax=True)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("AveragePooling2D") == halved
    images = np.random.default_rng(0).random((9, height, width, 3), np.float32)
    cnn.whiten(model, images)
    told = np.asarray(model(images, training=False))
    assert told.sum(axis=1) == pytest.approx(1, abs=1e-5)
