"""Batches are shuffled and changed by chance that the seed, the epoch and the number decide."""

import numpy as np
import pytest

from components.batches import Augmentation, Batches, augmented, held_out


def batches(**changed: object) -> Batches:
    pixels = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8)
    given = {"rows": np.arange(10), "size": 4, "seed": 3, "augmentation": Augmentation(False)}
    return Batches(pixels, np.arange(10), **{**given, **changed})  # type: ignore[arg-type]


def test_an_epoch_shows_every_image_once_but_for_what_fills_no_batch() -> None:
    given = batches()
    assert given.an_epoch == 2
    for epoch in range(3):
        seen = [given.batch(epoch * 2 + place) for place in range(2)]
        classes = np.concatenate([classes for _, classes in seen])
        assert len(set(classes.tolist())) == 8
        assert np.concatenate([p for p, _ in seen])[:, 0, 0, 0].tolist() == classes.tolist()


def test_the_same_number_is_the_same_batch_and_other_epochs_have_another_order() -> None:
    one, two = batches(), batches()
    np.testing.assert_array_equal(one.batch(5)[0], two.batch(5)[0])
    first, second = ([one.batch(e * 2 + p)[1].tolist() for p in range(2)] for e in range(2))
    assert first != second
    assert first != [batches(seed=4).batch(p)[1].tolist() for p in range(2)]


def test_only_the_rows_that_are_given_are_trained_on() -> None:
    given = batches(rows=np.array([1, 5, 9]), size=3)
    assert sorted(given.batch(0)[1].tolist()) == [1, 5, 9]


def test_pictures_are_mirrored_or_not() -> None:
    images = np.arange(2 * 1 * 3, dtype=np.uint8).reshape(2, 1, 3, 1)
    rng = np.random.default_rng(0)
    seen = {
        tuple(picture.ravel().tolist())
        for _ in range(40)
        for picture in augmented(images, Augmentation(flip=True), rng)
    }
    assert seen == {(0, 1, 2), (2, 1, 0), (3, 4, 5), (5, 4, 3)}


@pytest.mark.parametrize("shift", [1, 2])
def test_pictures_are_moved_and_their_border_is_mirrored(shift: int) -> None:
    images = np.arange(5 * 6, dtype=np.uint8).reshape(1, 5, 6, 1)
    padded = np.pad(images[0, :, :, 0], shift, "symmetric")
    possible = {
        padded[y : y + 5, x : x + 6].tobytes()
        for y in range(2 * shift + 1)
        for x in range(2 * shift + 1)
    }
    rng = np.random.default_rng(0)
    seen = {
        augmented(images, Augmentation(flip=False, shift=shift), rng).tobytes() for _ in range(400)
    }
    assert seen == possible


def test_what_is_augmented_is_a_copy() -> None:
    images = np.zeros((4, 3, 3, 1), np.uint8)
    images.setflags(write=False)
    assert augmented(images, Augmentation(), np.random.default_rng(0)).shape == images.shape


def test_what_is_watched_is_not_trained_on() -> None:
    trained, watched = held_out(100, 0.1, 7)
    assert (len(trained), len(watched)) == (90, 10)
    assert sorted([*trained, *watched]) == list(range(100))
    assert len(held_out(5, 0.04, 1)[1]) == 0
