"""What the training data and the model's answers looked like, to be compared with later traffic.

The format of `baseline.json` is described in `serving/artifact.py`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serving.signature import MISSING, Column, Label, encode
from serving.sketch import Grid, described, grid_of_numbers, labels_grid

PERCENTS = (0, 1, 5, 25, 50, 75, 95, 99, 100)
CHANNELS = {1: ("gray",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "alpha")}
TOP = 50
"""Values of a text column that are listed with their share."""


def baseline(
    columns: tuple[Column, ...],
    cells: Mapping[str, np.ndarray],
    predicted: np.ndarray,
    labels: Sequence[Label],
) -> dict[str, Any]:
    """Return the baseline of training cells and of predicted places in `labels`.

    The predictions should be of rows that the model was not fitted on: of its own rows it is surer
    than of any traffic.
    """
    encoded = encode(columns, cells)
    return {
        "rows": len(next(iter(encoded.values()))),
        "columns": {column.name: _column(column, encoded[column.name][:, 0]) for column in columns},
        "labels": _shares(predicted, labels),
        "output": _output(predicted, labels),
    }


def number_baseline(
    columns: tuple[Column, ...], cells: Mapping[str, np.ndarray], predicted: np.ndarray
) -> dict[str, Any]:
    """Return the baseline of training cells and of the numbers that were predicted."""
    prediction = _numbers(predicted)
    return {
        **baseline(columns, cells, np.zeros(0, dtype=int), ()),
        "prediction": prediction,
        "output": prediction["cells"],
    }


def channel_baseline(
    images: np.ndarray, predicted: np.ndarray, labels: Sequence[Label]
) -> dict[str, Any]:
    """Return the baseline of images, uint8 [n, height, width, channels]: a column a channel."""
    count = images.shape[-1]
    names = CHANNELS.get(count) or tuple(f"channel_{i}" for i in range(count))
    return {
        "rows": len(images),
        "columns": {name: _pixels(images[..., i]) for i, name in enumerate(names)},
        "labels": _shares(predicted, labels),
        "output": _output(predicted, labels),
    }


def _output(predicted: np.ndarray, labels: Sequence[Label]) -> dict[str, Any]:
    """Return how often each label was predicted, in the cells of `serving.sketch`."""
    grid = labels_grid(labels)
    return described(grid, np.bincount(predicted, minlength=grid.size))


def _shares(predicted: np.ndarray, labels: Sequence[Label]) -> dict[str, float]:
    shares = np.bincount(predicted, minlength=len(labels)) / max(len(predicted), 1)
    return {str(label): float(share) for label, share in zip(labels, shares, strict=True)}


def _pixels(images: np.ndarray) -> dict[str, Any]:
    """Return the quantiles of pixels [n, height, width], each the value of a real pixel."""
    # Counted image by image: sorting all of them would take eight times their memory.
    counts = sum(np.bincount(image.ravel(), minlength=256) for image in images)
    ranks = np.asarray(counts).cumsum()
    places = [max(1, math.ceil(images.size * percent / 100)) for percent in PERCENTS]
    marks = np.searchsorted(ranks, places).astype(float).tolist()
    quantiles = {str(percent): mark for percent, mark in zip(PERCENTS, marks, strict=True)}
    return {**_counts(images.size, images.size), "quantiles": quantiles}


def _column(column: Column, values: np.ndarray) -> dict[str, Any]:
    return _texts(values) if column.kind == "text" else _numbers(values)


def _numbers(values: np.ndarray) -> dict[str, Any]:
    present = values[~np.isnan(values)].astype(np.float64)
    marks = np.percentile(present, PERCENTS).tolist() if len(present) else []
    quantiles = {str(percent): mark for percent, mark in zip(PERCENTS, marks, strict=False)}
    grid = grid_of_numbers(values)
    cells = described(grid, grid.count(values))
    return {**_counts(len(values), len(present)), "quantiles": quantiles, "cells": cells}


def _texts(values: np.ndarray) -> dict[str, Any]:
    counts = Counter(values.tolist())
    missing = counts.pop(MISSING, 0)
    # Between equally frequent values the alphabet decides, so that two runs agree.
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:TOP]
    shares = {value: count / len(values) for value, count in top}
    grid = Grid(words=tuple(shares))
    cells = described(grid, grid.count(values))
    return {**_counts(len(values), len(values) - missing), "top": shares, "cells": cells}


def _counts(rows: int, present: int) -> dict[str, Any]:
    return {"count": present, "missing": 1.0 - present / max(rows, 1)}
