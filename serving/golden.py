"""Golden rows: inputs whose answers are known, replayed before a model may serve."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serving.errors import ModelError

GOLDEN = "golden.npz"


@dataclass(frozen=True)
class Golden:
    """Rows as `serving.signature.encode` gives them, and the probabilities [n, k] they must get.

    Of an image model the one column is `image`: pixels, uint8 [n, height, width, channels].
    """

    columns: dict[str, np.ndarray]
    probabilities: np.ndarray


def write_golden(directory: Path, golden: Golden) -> None:
    """Write `golden.npz`, without pickle: text is stored as unicode arrays."""
    arrays = {f"column_{i}": _plain(cells) for i, cells in enumerate(golden.columns.values())}
    names = np.array(list(golden.columns), dtype=np.str_)
    path = directory / GOLDEN
    np.savez(path, allow_pickle=False, names=names, probabilities=golden.probabilities, **arrays)


def read_golden(directory: Path) -> Golden:
    """Return the golden rows; raise `ModelError` where the file is missing or damaged."""
    path = directory / GOLDEN
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = [str(name) for name in arrays["names"]]
            columns = {name: arrays[f"column_{i}"] for i, name in enumerate(names)}
            return Golden(columns=columns, probabilities=arrays["probabilities"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} cannot be read ({error}); package the model again.") from error


def _plain(cells: np.ndarray) -> np.ndarray:
    return cells.astype(np.str_) if cells.dtype == object else cells
