"""Lists of numbers as arrays of images: at once where they are right; where not, what is wrong."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from serving.predictor.cells import shown


class Kind(NamedTuple):
    """What the numbers of an image are: the type of a C array, and the words for it."""

    code: str
    dtype: type
    expected: str


PIXELS = Kind("B", np.uint8, "a whole number from 0 to 255")
VALUES = Kind("f", np.float32, "a number (at most 3.4e38)")


def flat(numbers: list[Any], kind: Kind, raw: bytes | None = None) -> np.ndarray | None:
    """Return the numbers as an array [n]; None where one of them is none.

    `raw`: the JSON that they were parsed from. An array takes true for 1, and looking for the
    word costs a hundredth of looking at every type.
    """
    if _has_truths(raw) and bool in {*map(type, numbers)}:
        return None
    try:
        # Half the time of what numpy takes for a list, and texts are refused.
        return np.frombuffer(array(kind.code, numbers), kind.dtype)
    except (TypeError, OverflowError):
        return None


def nested(
    images: list[Any], shape: Sequence[int], kind: Kind, raw: bytes | None = None
) -> np.ndarray | None:
    """Return nested lists, each image of this shape, as [n, *shape]; None where one is not so."""
    level = images
    try:
        for size in shape:
            if {*map(len, level)} != {size}:
                return None
            level = list(chain.from_iterable(level))
    except TypeError:
        return None
    values = flat(level, kind, raw)
    return None if values is None else values.reshape(len(images), *shape)


def fault(images: Sequence[Any], shape: Sequence[int], kind: Kind) -> str:
    """Return which number or list of nested images is wrong, as the end of a sentence."""
    for index, image in enumerate(images):
        if not isinstance(image, list) or nested([image], shape, kind) is None:
            return f"Image {index} (counted from 0){_fault(image, shape, kind, ())}."
    return f"The images are {shown(list(images))}, expected lists of {_sizes(shape)}."


def flat_fault(numbers: list[Any], size: int, kind: Kind) -> str | None:
    """Return which of the numbers, `size` an image, is none; None where all are."""
    for index, start in enumerate(range(0, len(numbers), size)):
        image = numbers[start : start + size]
        if flat(image, kind) is None:
            return f"Image {index} (counted from 0){_fault(image, [len(image)], kind, ())}."
    return None


def _has_truths(raw: bytes | None) -> bool:
    return raw is None or b"true" in raw or b"false" in raw


def _fault(value: Any, shape: Sequence[int], kind: Kind, path: tuple[int, ...]) -> str:
    """Return ", at [2, 0]: got …, expected …" for the first that is wrong, "" where none is."""
    where = f", at {list(path)}" if path else ""
    if not shape:
        right = type(value) is not bool and flat([value], kind) is not None
        return "" if right else f"{where}: got {shown(value)}, expected {kind.expected}"
    if not isinstance(value, list):
        return f"{where}: got {shown(value)}, expected lists of {_sizes(shape)}"
    if len(value) != shape[0]:
        return f"{where}: got a list of {len(value)}, expected {_sizes(shape)}"
    found = (_fault(item, shape[1:], kind, (*path, i)) for i, item in enumerate(value))
    return next(filter(None, found), "")


def _sizes(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
