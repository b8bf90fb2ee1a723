"""Whether two forms of a model agree, and which rows are worth keeping as golden ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.errors import ModelError
from serving.golden import TOLERANCE, sizes
from serving.signature import MISSING, Label

GOLDEN_ROWS = 32
SHOWN_COLUMNS = 12


@dataclass(frozen=True)
class Mismatch:
    """The row on which the two forms differ most, and by how much."""

    row: int
    difference: float
    native: tuple[float, ...]
    onnx: tuple[float, ...]


def worst_mismatch(native: np.ndarray, onnx: np.ndarray) -> Mismatch | None:
    """Return the worst row where probabilities [n, k] differ by more than `TOLERANCE`.

    Of a model that answers with numbers, [n, 1], by more than that part of their size.

    Labels are compared where the two best probabilities are further apart than the tolerance: on a
    tie either label is right, and probabilities that agree can then not disagree on it.
    """
    differences = (np.abs(native - onnx) / sizes(native)).max(axis=1)
    # NaN compares with nothing: it is the worst of all.
    differences = np.where(np.isnan(differences), np.inf, differences)
    bad = (differences > TOLERANCE) | _other_label(native, onnx)
    if not bad.any():
        return None
    row = int(np.argmax(np.where(bad, differences, -1.0)))
    probabilities = (tuple(map(float, form[row])) for form in (native, onnx))
    return Mismatch(row, float(differences[row]), *probabilities)


def _other_label(native: np.ndarray, onnx: np.ndarray) -> np.ndarray:
    if native.shape[1] == 1:
        return np.zeros(len(native), dtype=bool)
    two_best = np.sort(native, axis=1)[:, -2:]
    clear = two_best[:, 1] - two_best[:, 0] > TOLERANCE
    return np.asarray(clear & (native.argmax(axis=1) != onnx.argmax(axis=1)))


def refusal(mismatch: Mismatch, cells: Mapping[str, Any], labels: Sequence[Label]) -> ModelError:
    """Return the error that shows the worst row."""
    shown = [f"{name}={_plain(value)!r}" for name, value in list(cells.items())[:SHOWN_COLUMNS]]
    more = ", …" if len(cells) > SHOWN_COLUMNS else ""
    return ModelError(
        "The ONNX model does not agree with the trained one: on test row "
        f"{mismatch.row + 1} ({', '.join(shown)}{more}) the trained model says "
        f"{_spoken(mismatch.native, labels)} and ONNX {_spoken(mismatch.onnx, labels)}, "
        f"{mismatch.difference:.2g} apart{'' if labels else ' in parts of its size'} where "
        f"{TOLERANCE:g} is allowed; nothing was packaged. "
        "Try another model kind (of an svm a lower C or a larger gamma, since 32 bits are too few "
        "for very long sums), or report this with the row."
    )


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _spoken(probabilities: Sequence[float], labels: Sequence[Label]) -> str:
    if not labels:
        return f"{probabilities[0]:.9g}"
    best = sorted(zip(probabilities, labels, strict=True), key=lambda pair: -pair[0])[:3]
    return " ".join(f"{label}: {probability:.6f}" for probability, label in best)


def extremes(targets: np.ndarray) -> np.ndarray:
    """Return 1 for the smallest number, 2 for the largest, 0 for all others."""
    marks = np.zeros(len(targets), dtype=int)
    marks[np.argmin(targets)], marks[np.argmax(targets)] = 1, 2
    return marks


def missing(cells: np.ndarray) -> np.ndarray:
    """Return which encoded cells [n] are missing."""
    return np.asarray(cells == MISSING if cells.dtype == object else np.isnan(cells), dtype=bool)


def golden_rows(classes: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Return `GOLDEN_ROWS` row numbers at most: a row with missing cells, each class, the first.

    `classes`: the class of every row; `missing`: whether the row has missing cells.
    """
    _, firsts = np.unique(classes, return_index=True)
    wanted = [*np.flatnonzero(missing)[:1], *firsts, *range(len(classes))]
    chosen = list(dict.fromkeys(int(row) for row in wanted))[:GOLDEN_ROWS]
    return np.array(sorted(chosen))
