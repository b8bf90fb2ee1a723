"""Golden rows: inputs whose answers are known, replayed before a model may serve."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from serving import plain_files
from serving.errors import ModelError
from serving.zips import refuse_bomb

GOLDEN = "golden.npz"
TOLERANCE = 1e-4
"""By which answers may differ and be the same: two forms of a model, or one on two machines."""
LIMIT = 256 * 2**20
"""Bytes that the golden rows may have, unpacked: 32 colour images of 800 x 800 have 240 MB."""

DAMAGE = (
    OSError,
    EOFError,
    KeyError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What zipfile and numpy let through when a file is damaged or made up."""


@dataclass(frozen=True)
class Golden:
    """Rows as `serving.signature.encode` gives them, and the probabilities [n, k] they must get.

    Of a model that answers with a number these are the numbers, [n, 1].

    Of an image model the one column is `image`: pixels, uint8 [n, height, width, channels].
    """

    columns: dict[str, np.ndarray]
    probabilities: np.ndarray


def sizes(answers: np.ndarray) -> np.ndarray | float:
    """Return what a difference of answers [n, k] is measured in: probabilities as they are.

    Numbers, [n, 1], have any unit: their own size, of small ones the mean size of all.
    """
    if answers.shape[1] != 1:
        return 1.0
    found = np.abs(answers)
    return np.asarray(np.maximum(np.maximum(found, found.mean()), np.finfo(np.float32).tiny))


def write_golden(directory: Path, golden: Golden) -> None:
    """Write `golden.npz`, without pickle: text is stored as unicode arrays."""
    arrays = {f"column_{i}": _plain(cells) for i, cells in enumerate(golden.columns.values())}
    names = np.array(list(golden.columns), dtype=np.str_)
    path = directory / GOLDEN
    np.savez(path, allow_pickle=False, names=names, probabilities=golden.probabilities, **arrays)


def read_golden(directory: Path) -> Golden:
    """Return the golden rows; raise `ModelError` where the file is missing or damaged."""
    return parse_golden(plain_files.read(directory / GOLDEN, LIMIT), directory)


def parse_golden(data: bytes, directory: Path) -> Golden:
    """Return the golden rows in the bytes of `golden.npz`.

    Raises `ModelError` where they are damaged, are a zip bomb or hold a pickle.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            refuse_bomb(archive, LIMIT)
            names = [str(name) for name in _array(archive, "names").ravel()]
            columns = {name: _array(archive, f"column_{i}") for i, name in enumerate(names)}
            golden = Golden(columns=columns, probabilities=_array(archive, "probabilities"))
        _refuse_odd_shapes(golden)
    except DAMAGE as error:
        raise ModelError(
            f"{directory / GOLDEN} cannot be read ({error}); package the model again."
        ) from error
    return golden


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    # zipfile unpacks no more than the directory says, and that was added up before.
    data = archive.read(f"{name}.npy")
    stream = BytesIO(data)
    version = np.lib.format.read_magic(stream)
    known: dict[Any, Any] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    shape, _, dtype = known[version](stream)
    cells = 1
    for length in shape:
        cells *= length
    # numpy makes room for what the header claims before it looks at what is there.
    if dtype.hasobject or cells < 0 or cells * dtype.itemsize != len(data) - stream.tell():
        raise ValueError(f"{name} claims the shape {shape} of {dtype}, which is not what it holds")
    return np.lib.format.read_array(BytesIO(data), allow_pickle=False)


def _refuse_odd_shapes(golden: Golden) -> None:
    rows = golden.probabilities
    if rows.dtype.kind != "f" or rows.ndim != 2:
        raise ValueError(f"its probabilities are {rows.dtype} {rows.shape}")
    for name, cells in golden.columns.items():
        if cells.dtype.kind not in "fiubU" or cells.shape[:1] != rows.shape[:1]:
            raise ValueError(f"its column {name!r} is {cells.dtype} {cells.shape}")


def _plain(cells: np.ndarray) -> np.ndarray:
    return cells.astype(np.str_) if cells.dtype == object else cells
