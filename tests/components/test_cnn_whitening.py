"""The first layer is computed: its answers to patches are uncorrelated, and of one size."""

import numpy as np
import pytest

from components.cnn import whitening


def answers(images: np.ndarray) -> np.ndarray:
    """Return what the layer says of each 2 x 2 patch, [patches, filters]."""
    kernel, bias = whitening(images)
    windows = np.lib.stride_tricks.sliding_window_view(images, (2, 2), axis=(1, 2))
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, *kernel.shape[:3])
    return np.tensordot(patches, kernel, axes=3) + bias


@pytest.mark.parametrize("channels", [1, 3])
def test_answers_are_uncorrelated_and_come_with_their_opposites(channels: int) -> None:
    rng = np.random.default_rng(2)
    noise = rng.random((200, 14, 14, 1)) * rng.random(channels) + rng.random((200, 1, 1, channels))
    found = answers(noise.astype(np.float32) / 2)
    half = found.shape[1] // 2
    np.testing.assert_allclose(found[:, :half], -found[:, half:], atol=1e-4)
    correlation = np.cov(found[:, :half], rowvar=False)
    np.testing.assert_allclose(correlation, np.diag(np.diag(correlation)), atol=0.15)
    assert np.diag(correlation).max() < 1.3


def test_pictures_of_one_colour_give_numbers_too() -> None:
    kernel, bias = whitening(np.full((10, 8, 8, 3), 0.5, np.float32))
    assert np.isfinite(kernel).all()
    assert np.isfinite(bias).all()
