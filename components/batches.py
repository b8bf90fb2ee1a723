"""Batches of images to train on: shuffled anew for every epoch, mirrored and moved by chance.

All chance comes from the seed, the epoch and the number of the batch: whoever asks for batch 17
gets the same one, in whatever order and however often.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@dataclass(frozen=True)
class Augmentation:
    """How a picture may be changed without changing what it shows; `shift` in pixels."""

    flip: bool = True
    shift: int = 0


@dataclass(frozen=True)
class Batches:
    """The images to train on: uint8 [n, height, width, channels], and their classes [n].

    `rows`: which of them; `size`: images a batch, at most as many as there are. Where several
    workers train, each gets its own part of every batch: `worker` of `workers`.
    """

    pixels: np.ndarray
    classes: np.ndarray
    rows: np.ndarray
    size: int
    seed: int
    augmentation: Augmentation = Augmentation()
    worker: int = 0
    workers: int = 1

    @property
    def an_epoch(self) -> int:
        """Batches in which every image is seen once, but for less than a batch of them."""
        return max(1, len(self.rows) // self.size)

    def batch(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a batch by its number from 0, over all epochs: pixels as they are, and classes."""
        epoch, place = divmod(number, self.an_epoch)
        order = _order(self.seed, epoch, len(self.rows))
        chosen = self.rows[order[place * self.size : (place + 1) * self.size]]
        chosen = chosen[self.worker :: self.workers]
        own = [self.worker] if self.workers > 1 else []
        rng = np.random.default_rng([self.seed, epoch, place, *own])
        return augmented(self.pixels[chosen], self.augmentation, rng), self.classes[chosen]


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, rows: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(rows)


def augmented(images: np.ndarray, how: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Return the images [n, height, width, channels], each mirrored and moved by its own chance.

    What is moved in is the mirror image of the border.
    """
    images = np.array(images)
    if how.flip:
        flipped = rng.random(len(images)) < 0.5
        images[flipped] = images[flipped, :, ::-1]
    return _moved(images, how.shift, rng) if how.shift else images


def _moved(images: np.ndarray, shift: int, rng: np.random.Generator) -> np.ndarray:
    rows, height, width = images.shape[:3]
    border = ((0, 0), (shift, shift), (shift, shift), (0, 0))
    padded = np.pad(images, border, "symmetric")
    down, right = rng.integers(0, 2 * shift + 1, (2, rows, 1))
    lines, columns = down + np.arange(height), right + np.arange(width)
    moved: np.ndarray = padded[
        np.arange(rows)[:, None, None], lines[:, :, None], columns[:, None, :]
    ]
    return moved


def held_out(rows: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows to train on and which only to watch, both in the table's order."""
    order = np.random.default_rng(seed).permutation(rows)
    watched = min(int(rows * share), rows - 1)
    return np.sort(order[watched:]), np.sort(order[:watched])
