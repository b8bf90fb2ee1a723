"""What clients send, as columns of raw cells; knows the wire's shapes, but no framework."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod

from serving.predictor.cells import BadRequest, check, nearest, shown
from serving.signature import Column, ColumnKind

Columns = dict[str, list[object]]

NUMERIC = frozenset(
    f"{family}{bits}"
    for family, sizes in {
        "INT": (8, 16, 32, 64),
        "UINT": (8, 16, 32, 64),
        "FP": (16, 32, 64),
    }.items()
    for bits in sizes
)
DATATYPES: dict[ColumnKind, frozenset[str]] = {
    "number": NUMERIC,
    "integer": NUMERIC,
    "boolean": NUMERIC | {"BOOL"},
    "text": frozenset({"BYTES"}),
}


@dataclass(frozen=True)
class Tensor:
    """One input of a V2 request; `data` is flat or nested as `shape` says."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Sequence[object]


def from_instances(inputs: tuple[Column, ...], body: object) -> Columns:
    """Return the columns of a V1 body: {"instances": [{column: cell}, …]} or lists in card order.

    Raises `BadRequest` with row, column, value and what was expected.
    """
    rows = _rows(body)
    take = _from_objects if isinstance(rows[0], dict) else _from_lists
    columns = take([column.name for column in inputs], rows)
    check(inputs, columns)
    return columns


def from_tensors(inputs: tuple[Column, ...], tensors: Sequence[Tensor]) -> Columns:
    """Return the columns of a V2 request: one tensor [n] or [n, 1] a column, in any order.

    One numeric matrix [n, columns] in card order is taken too, where no column is text.
    Raises `BadRequest` with row, column, value and what was expected.
    """
    if _is_matrix(inputs, tensors):
        columns = _from_matrix(inputs, tensors[0])
    else:
        columns = _from_columns(inputs, tensors)
    check(inputs, columns)
    return columns


def _rows(body: object) -> list[object]:
    if not isinstance(body, dict):
        raise BadRequest(f'The body is {shown(body)}, expected an object {{"instances": [...]}}.')
    rows = body.get("instances", body.get("inputs"))
    if not isinstance(rows, list):
        raise BadRequest(f'"instances" is {shown(rows)}, expected a list of rows.')
    if not rows:
        raise BadRequest('"instances" is empty; send at least one row.')
    return rows


def _from_objects(names: list[str], rows: list[object]) -> Columns:
    wanted = set(names)
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise BadRequest(f"Row {index} is {shown(row)}, but row 0 is an object; mix neither.")
        if row.keys() != wanted:
            raise BadRequest(f"Row {index} {_difference(names, list(row), 'column')}.")
    return {name: [row[name] for row in rows] for name in names}  # type: ignore[index]


def _from_lists(names: list[str], rows: list[object]) -> Columns:
    whole = [_row(names, index, row) for index, row in enumerate(rows)]
    return {name: [row[place] for row in whole] for place, name in enumerate(names)}


def _row(names: list[str], index: int, row: object) -> list[object]:
    if not isinstance(row, list):
        raise BadRequest(
            f"Row {index} is {shown(row)}, expected an object by column name or a list of "
            f"{len(names)} values."
        )
    if len(row) != len(names):
        raise BadRequest(
            f"Row {index} has {len(row)} values, expected {len(names)}: {', '.join(names)}."
        )
    return row


def _difference(names: list[str], sent: list[str], what: str) -> str:
    """Say which name is unknown, otherwise which is absent, as the end of a sentence."""
    unknown = [name for name in sent if name not in names]
    if unknown:
        return f"has the unknown {what} {unknown[0]!r}{nearest(unknown[0], names)}"
    absent = ", ".join(repr(name) for name in names if name not in sent)
    return f"lacks the {what} {absent}; send null where a value is missing"


def _is_matrix(inputs: tuple[Column, ...], tensors: Sequence[Tensor]) -> bool:
    """Say whether this is one tensor that carries all columns side by side."""
    if len(tensors) != 1 or len(tensors[0].shape) != 2:
        return False
    return tensors[0].name not in {column.name for column in inputs}


def _from_matrix(inputs: tuple[Column, ...], tensor: Tensor) -> Columns:
    for column in inputs:
        if column.kind == "text":
            raise BadRequest(
                f"Input {tensor.name!r} is one matrix, but column {column.name!r} is text; "
                "send one input a column, named as the column."
            )
        _check_datatype(column, tensor)
    width = tensor.shape[1]
    if width != len(inputs):
        names = ", ".join(column.name for column in inputs)
        raise BadRequest(
            f"Input {tensor.name!r} has {width} columns, expected {len(inputs)}: {names}."
        )
    cells = _cells(tensor)
    return {column.name: cells[i::width] for i, column in enumerate(inputs)}


def _from_columns(inputs: tuple[Column, ...], tensors: Sequence[Tensor]) -> Columns:
    names = [column.name for column in inputs]
    sent = {tensor.name: tensor for tensor in tensors}
    if sent.keys() != set(names):
        raise BadRequest(f"The request {_difference(names, list(sent), 'input')}.")
    if len(tensors) != len(sent):
        raise BadRequest("The request names an input twice; send each column once.")
    for column in inputs:
        _check_datatype(column, sent[column.name])
    columns = {name: _column(sent[name]) for name in names}
    _check_lengths(columns)
    return columns


def _check_datatype(column: Column, tensor: Tensor) -> None:
    if tensor.datatype not in DATATYPES[column.kind]:
        usual = {"text": "BYTES", "boolean": "BOOL", "integer": "INT64"}.get(column.kind, "FP32")
        raise BadRequest(
            f"Input {tensor.name!r} has datatype {tensor.datatype}, but column {column.name!r} "
            f"is of kind {column.kind}; send {usual}."
        )


def _column(tensor: Tensor) -> list[object]:
    if len(tensor.shape) not in (1, 2) or tensor.shape[1:] not in ((), (1,)):
        raise BadRequest(
            f"Input {tensor.name!r} has shape {list(tensor.shape)}, expected [n] or [n, 1]."
        )
    return _cells(tensor)


def _cells(tensor: Tensor) -> list[object]:
    """Return the cells of a tensor, row by row, after checking that they fill its shape."""
    cells: list[object] = list(tensor.data)
    for size in tensor.shape[1:]:
        cells = _unnested(tensor, cells, size)
    if min(tensor.shape) < 0 or len(cells) != prod(tensor.shape):
        raise BadRequest(
            f"Input {tensor.name!r} has {len(cells)} values, "
            f"which do not fill its shape {list(tensor.shape)}."
        )
    if not cells:
        raise BadRequest(f"Input {tensor.name!r} is empty; send at least one row.")
    return cells


def _unnested(tensor: Tensor, cells: list[object], size: int) -> list[object]:
    rows = [cell for cell in cells if isinstance(cell, list)]
    if not rows:
        return cells
    for index, row in enumerate(cells):
        if not isinstance(row, list) or len(row) != size:
            raise BadRequest(
                f"Input {tensor.name!r}, row {index}: got {shown(row)}, "
                f"expected a list of {size} values as its shape {list(tensor.shape)} says."
            )
    return list(chain.from_iterable(rows))


def _check_lengths(columns: Columns) -> None:
    lengths = {name: len(cells) for name, cells in columns.items()}
    first, rows = next(iter(lengths.items()))
    for name, length in lengths.items():
        if length != rows:
            raise BadRequest(
                f"Input {name!r} has {length} rows, but {first!r} has {rows}; send as many of each."
            )
