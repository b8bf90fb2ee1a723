"""What clients send, as checked cells; knows the wire's shapes, but no framework."""

from __future__ import annotations

import typing
from collections.abc import Sequence

import numpy as np

from serving.predictor.cells import BadRequest, Rule, nearest, shown
from serving.predictor.matrix import Matrices
from serving.predictor.tensors import (
    COLUMNS,
    DATATYPES,
    NUMERIC,
    Taking,
    Tensor,
    cells_of,
    check_datatype,
    column_cells,
)
from serving.signature import Cells, Column

Columns = dict[str, Cells]
Checked = np.ndarray | Columns
"""Cells that fit the signature: a float32 matrix [n, columns] in its order, or raw by column;
for an image model float32 [n, height, width, channels], or `images.Files` for its plane."""


class RequestReader(typing.Protocol):
    """What reads the requests for one model: `Reader`, or the one of `images`."""

    taking: Taking

    def instances(self, body: object, raw: bytes | None = None) -> Checked:
        """Return what a V1 body holds; `raw` are the bytes that it was parsed from, if known."""
        ...

    def tensors(self, tensors: Sequence[Tensor]) -> Checked:
        """Return what the inputs of a V2 request hold."""
        ...


def count_rows(cells: Checked) -> int:
    """Return how many rows the cells are of."""
    return len(next(iter(cells.values()))) if isinstance(cells, dict) else len(cells)


class Reader:
    """Reads requests for one signature; what does not fit is a `BadRequest` that says why.

    `instances` and `tensors` try the quick way first; `rows` and `columns` look at every cell.
    """

    taking = COLUMNS

    def __init__(self, inputs: tuple[Column, ...]) -> None:
        self._inputs = inputs
        self._names = [column.name for column in inputs]
        self._rules = {column.name: Rule(column) for column in inputs}
        self._is_numeric = all(column.kind != "text" for column in inputs)
        self._matrices = Matrices(inputs)

    def instances(self, body: object, raw: bytes | None = None) -> Checked:
        """Return the cells of a V1 body: {"instances": [{column: cell}, …]} or lists in card order.

        `raw` are the bytes that the body was parsed from, where they are known.
        """
        rows = rows_of(body)
        if self._is_numeric:
            matrix = self._matrices.from_rows(rows, raw)
            if matrix is not None:
                return matrix
        return self.rows(rows)

    def rows(self, rows: list[object]) -> Columns:
        """Return the columns of rows, each looked at for itself."""
        take = _from_objects if isinstance(rows[0], dict) else _from_lists
        return self._checked(take(self._names, rows))

    def tensors(self, tensors: Sequence[Tensor]) -> Checked:
        """Return the cells of a V2 request: one tensor [n] or [n, 1] a column, in any order.

        One numeric matrix [n, columns] in card order is taken too, where no column is text.
        """
        if self._is_numeric:
            matrix = self._plain(tensors)
            if matrix is not None:
                return matrix
        return self.columns(tensors)

    def columns(self, tensors: Sequence[Tensor]) -> Columns:
        """Return the columns of tensors, each looked at for itself."""
        if self._is_matrix(tensors):
            return self._checked(_from_matrix(self._inputs, tensors[0]))
        if self._is_numeric and len(tensors) == 1 and tensors[0].name not in self._rules:
            raise BadRequest(
                f"The request {_difference(self._names, [tensors[0].name], 'input')} of shape "
                f"{shown(list(tensors[0].shape))}; send one input a column, or all columns in one "
                f"of shape [n, {len(self._names)}]."
            )
        return self._checked(_from_columns(self._inputs, tensors))

    def _checked(self, columns: Columns) -> Columns:
        for name, rule in self._rules.items():
            rule.check(columns[name])
        return columns

    def _is_matrix(self, tensors: Sequence[Tensor]) -> bool:
        """Say whether this is one tensor that carries all columns side by side."""
        if len(tensors) != 1 or len(tensors[0].shape) != 2:
            return False
        return tensors[0].name not in self._rules

    def _plain(self, tensors: Sequence[Tensor]) -> np.ndarray | None:
        if not self._is_matrix(tensors):
            return self._plain_columns(tensors)
        _, datatype, shape, data = tensors[0]
        if datatype not in NUMERIC:
            return None
        if isinstance(data, np.ndarray):
            return self._matrices.from_array(data.reshape(shape))
        return self._matrices.from_cells(data, shape)

    def _plain_columns(self, tensors: Sequence[Tensor]) -> np.ndarray | None:
        sent = {tensor.name: tensor for tensor in tensors}
        if len(tensors) != len(self._names) or sent.keys() != self._rules.keys():
            return None
        rows = len(tensors[0].data)
        for column in self._inputs:
            _, datatype, shape, data = sent[column.name]
            fills = len(data) == rows and shape in ((rows,), (rows, 1))
            if not fills or datatype not in DATATYPES[column.kind]:
                return None
        cells = [sent[name].data for name in self._names]
        if {*map(type, cells)} == {np.ndarray}:
            return self._matrices.from_array(np.array(cells, np.float64).T)
        return self._matrices.from_lists(cells)


def rows_of(body: object) -> list[object]:
    """Return the rows of a V1 body, at least one; raise `BadRequest` where it has none."""
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
    return {name: list(cells) for name, cells in zip(names, zip(*whole, strict=True), strict=True)}


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
    wanted, given = set(names), set(sent)
    unknown = next((name for name in sent if name not in wanted), None)
    if unknown is not None:
        return f"has the unknown {what} {unknown[:64]!r}{nearest(unknown, names)}"
    absent = ", ".join(repr(name) for name in names if name not in given)
    return f"lacks the {what} {absent}; send null where a value is missing"


def _from_matrix(inputs: tuple[Column, ...], tensor: Tensor) -> Columns:
    for column in inputs:
        if column.kind == "text":
            raise BadRequest(
                f"Input {tensor.name[:64]!r} is one matrix, but column {column.name!r} is text; "
                "send one input a column, named as the column."
            )
        check_datatype(column, tensor)
    width = tensor.shape[1]
    if width != len(inputs):
        names = ", ".join(column.name for column in inputs)
        raise BadRequest(
            f"Input {tensor.name[:64]!r} has {width} columns, expected {len(inputs)}: {names}."
        )
    cells = cells_of(tensor)
    return {column.name: cells[i::width] for i, column in enumerate(inputs)}


def _from_columns(inputs: tuple[Column, ...], tensors: Sequence[Tensor]) -> Columns:
    names = [column.name for column in inputs]
    sent = {tensor.name: tensor for tensor in tensors}
    if sent.keys() != set(names):
        raise BadRequest(f"The request {_difference(names, list(sent), 'input')}.")
    if len(tensors) != len(sent):
        raise BadRequest("The request names an input twice; send each column once.")
    for column in inputs:
        check_datatype(column, sent[column.name])
    columns = {name: column_cells(sent[name]) for name in names}
    _check_lengths(columns)
    return columns


def _check_lengths(columns: Columns) -> None:
    lengths = {name: len(cells) for name, cells in columns.items()}
    first, rows = next(iter(lengths.items()))
    for name, length in lengths.items():
        if length != rows:
            raise BadRequest(
                f"Input {name!r} has {length} rows, but {first!r} has {rows}; send as many of each."
            )
