"""V2 tensors: from JSON or raw bytes to flat cells that fill their shape."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from math import prod
from typing import Any, NamedTuple

import numpy as np

from serving.predictor.cells import BadRequest, shown
from serving.signature import Cells, Column, ColumnKind

DTYPES: dict[str, np.dtype[Any]] = {
    **{f"INT{bits}": np.dtype(f"<i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": np.dtype(f"<u{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.dtype(f"<f{bits // 8}") for bits in (16, 32, 64)},
}
NUMERIC = frozenset(DTYPES)
DATATYPES: dict[ColumnKind, frozenset[str]] = {
    "number": NUMERIC,
    "integer": NUMERIC,
    "boolean": NUMERIC | {"BOOL"},
    "text": frozenset({"BYTES"}),
}
USUAL: dict[ColumnKind, str] = {
    "number": "FP32",
    "integer": "INT64",
    "boolean": "BOOL",
    "text": "BYTES",
}
"""What the metadata names and what a refusal recommends."""


class Tensor(NamedTuple):
    """One input; `data` is a list, flat or nested as `shape` says, or a flat, filling array."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Any


def check_datatype(column: Column, tensor: Tensor) -> None:
    """Raise `BadRequest` where the column cannot be sent as this datatype."""
    if tensor.datatype not in DATATYPES[column.kind]:
        raise BadRequest(
            f"Input {_name(tensor)} has datatype {tensor.datatype[:32]}, but column "
            f"{column.name!r} is of kind {column.kind}; send {USUAL[column.kind]}."
        )


def column_cells(tensor: Tensor) -> Cells:
    """Return the cells of a tensor [n] or [n, 1]."""
    if not _is_column(tensor.shape):
        raise BadRequest(
            f"Input {_name(tensor)} has shape {shown(list(tensor.shape))}, expected [n] or [n, 1]."
        )
    return cells_of(tensor)


def cells_of(tensor: Tensor) -> Cells:
    """Return the cells of a tensor of one or two dimensions, row by row, after counting them."""
    cells: Cells = tensor.data
    if isinstance(cells, list):
        for size in tensor.shape[1:]:
            cells = _unnested(tensor, cells, size)
    if min(tensor.shape) < 0 or len(cells) != prod(tensor.shape):
        raise BadRequest(
            f"Input {_name(tensor)} has {len(cells)} values, "
            f"which do not fill its shape {list(tensor.shape)}."
        )
    if not len(cells):
        raise BadRequest(f"Input {_name(tensor)} is empty; send at least one row.")
    return cells


def text_of(name: str, raw: bytes | memoryview) -> str:
    """Return the text of an input's bytes; raise `BadRequest` where it is not UTF-8."""
    try:
        return str(raw, "utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(f"Input {shown(name)} has a value that is not UTF-8 ({error}).") from error


class Taking(NamedTuple):
    """What raw tensors may be: how many dimensions at most, and what the bytes of BYTES mean."""

    dimensions: int
    read: Callable[[str, bytes | memoryview], object]


COLUMNS = Taking(2, text_of)


def unpacked(tensor: Tensor, raw: bytes, at: int, size: int, taking: Taking = COLUMNS) -> Tensor:
    """Return the tensor with the cells that `size` bytes of `raw` from `at` hold.

    They are little-endian, BYTES length-prefixed. Numbers are not copied: the array looks into
    `raw`.
    """
    name, datatype, shape, _ = tensor
    if datatype == "BYTES":
        parts = memoryview(raw)[at : at + size]
        return Tensor(name, datatype, shape, _prefixed(tensor, parts, taking.read))
    dtype = _RAW.get(datatype)
    if dtype is None:
        raise BadRequest(f"Input {_name(tensor)} has the unknown datatype {datatype[:32]!r}.")
    if (
        len(shape) > taking.dimensions
        or min(shape, default=-1) < 0
        or prod(shape) * dtype.itemsize != size
    ):
        raise BadRequest(
            f"Input {_name(tensor)} has {size} bytes, which do not fill its shape "
            f"{shown(list(shape))} of {datatype}."
        )
    cells = np.frombuffer(raw, dtype, size // dtype.itemsize, at) if size else np.empty(0, dtype)
    if datatype == "BOOL":
        cells = _truths(tensor, cells)
    return Tensor(name, datatype, shape, cells)


_RAW = {**DTYPES, "BOOL": np.dtype(np.uint8)}


def _truths(tensor: Tensor, cells: np.ndarray) -> np.ndarray:
    if (cells > 1).any():
        raise BadRequest(
            f"Input {_name(tensor)} holds the byte {cells.max()}, expected 0 or 1 for BOOL."
        )
    return cells.view(np.bool_)


def _prefixed(
    tensor: Tensor, raw: memoryview, read: Callable[[str, bytes | memoryview], object]
) -> list[object]:
    cells: list[object] = []
    at = 0
    while at < len(raw):
        start = at + 4
        at = start + int.from_bytes(raw[at:start], "little")
        if start > len(raw) or at > len(raw):
            raise BadRequest(
                f"Input {_name(tensor)} ends within its text number {len(cells)}; each is four "
                "bytes of length, then as many of UTF-8."
            )
        cells.append(read(tensor.name, raw[start:at]))
    return cells


def _is_column(shape: tuple[int, ...]) -> bool:
    return len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)


def _unnested(tensor: Tensor, cells: list[Any], size: int) -> list[Any]:
    if not any(isinstance(cell, list) for cell in cells):
        return cells
    for index, row in enumerate(cells):
        if not isinstance(row, list) or len(row) != size:
            raise BadRequest(
                f"Input {_name(tensor)}, row {index}: got {shown(row)}, "
                f"expected a list of {size} values as its shape {list(tensor.shape)} says."
            )
    return list(chain.from_iterable(cells))


def _name(tensor: Tensor) -> str:
    return repr(tensor.name[:64])
