"""A champion is asked about the same test images, a batch at a time."""

from collections.abc import Mapping

import numpy as np
import pytest

from components.evaluate.champion import ASKED, of_images
from serving.errors import ModelError
from serving.image_signature import Image
from serving.signature import Column, Signature


def test_images_are_encoded_as_the_champion_takes_them_and_asked_in_their_order() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (ASKED + 3, 4, 5, 1)).astype(np.uint8)
    asked: list[int] = []

    def predict(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        asked.append(len(inputs["image"]))
        return inputs["image"].mean(axis=(1, 2))

    signature = Signature((), ("a",), Image(4, 5, 1, scale=1 / 255))
    found = of_images(pixels)(signature, predict)
    np.testing.assert_allclose(found, pixels.mean(axis=(1, 2)) / 255, atol=1e-5)
    assert asked == [ASKED, 3]


@pytest.mark.parametrize(
    "signature",
    [Signature((), ("a",), Image(8, 8, 1)), Signature((Column("x", "number"),), ("a",))],
)
def test_a_champion_that_takes_something_else_cannot_be_compared(signature: Signature) -> None:
    with pytest.raises(ModelError, match="not images of"):
        of_images(np.zeros((1, 4, 5, 1), np.uint8))(signature, lambda _: np.zeros((1, 1)))
