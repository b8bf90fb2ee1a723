"""The table artifact: rows as Parquet, a schema as JSON; the home of polars with csv_table.

Parquet types: number Float64, integer Int64, boolean Boolean, text String; null is missing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from components.errors import UnreadableError
from components.table_schema import (
    DATA_FILE,
    SCHEMA_FILE,
    TableColumn,
    TableSchema,
    TargetKind,
    read_schema,
    write_schema,
)
from serving.signature import ColumnKind
from serving.storage import partial

__all__ = [
    "DATA_FILE",
    "SCHEMA_FILE",
    "TableColumn",
    "TableSchema",
    "TargetKind",
    "Writer",
    "batches",
    "describe",
    "read_classes",
    "read_columns",
    "read_part",
    "read_schema",
    "read_target",
    "scan_table",
    "split_rows",
    "write_rows",
    "write_schema",
    "write_table",
]

# Fixed, so that the same rows are the same bytes, whatever polars thinks best.
ROW_GROUP = 100_000
BATCH = 1 << 16
"""Rows that are held at a time where a table is read in batches."""
DESCRIBED = 2
"""Columns that are described side by side."""
CELLS = "cells"
"""What columns are called where polars would read a name such as "^a.*$" as a pattern."""
_SYSTEM = re.compile(r"\(os error (\d+)\)")
_KINDS: dict[pl.DataType, ColumnKind] = {
    pl.Float64(): "number",
    pl.Int64(): "integer",
    pl.Boolean(): "boolean",
    pl.String(): "text",
}


def write_table(directory: Path, frame: pl.DataFrame | pl.LazyFrame, schema: TableSchema) -> None:
    """Write a table artifact that appears whole or not at all.

    The schema's rows and columns are counted again from what was written.
    """
    with partial(Path(directory)) as unfinished:
        unfinished.mkdir()
        write_rows(unfinished, frame.lazy())
        write_schema(unfinished, describe(unfinished, schema))


def write_rows(directory: Path, rows: pl.LazyFrame) -> None:
    """Write the rows of a table into a directory that is still being made, in bounded memory."""
    path = directory / DATA_FILE
    try:
        rows.sink_parquet(path, row_group_size=ROW_GROUP)
    except pl.exceptions.PolarsError as error:
        # polars wraps what the system said, in words.
        said = _SYSTEM.search(str(error))
        if said is None:
            raise
        raise OSError(int(said[1]), os.strerror(int(said[1])), str(path)) from error


class Writer:
    """Writes the rows of a table batch by batch, a row group each, in bounded memory.

    polars has no stable way to take batches from Python, so pyarrow writes them. Numbers are split
    into streams of bytes, which takes a third of the time of dictionaries and of zstd on its own.
    """

    def __init__(self, directory: Path, names: Sequence[str]) -> None:
        self._path, self._names = directory / DATA_FILE, list(names)
        self._writer: Any = None

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *error: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, rows: pl.DataFrame) -> None:
        """Add rows, whose columns come in the order of the names."""
        if self._writer is not None and not rows.height:
            return
        table = rows.to_arrow(compat_level=pl.CompatLevel.oldest()).rename_columns(self._names)
        if self._writer is None:
            self._writer = _parquet_writer(self._path, table.schema)
        self._writer.write_table(table, row_group_size=ROW_GROUP)


def _parquet_writer(path: Path, schema: Any) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = [field.name for field in schema if pa.types.is_large_string(field.type)]
    numbers = [field.name for field in schema if field.type in (pa.float64(), pa.int64())]
    return pq.ParquetWriter(
        path,
        schema,
        use_dictionary=texts,
        use_byte_stream_split=numbers,
        compression="zstd",
        compression_level=1,
    )


def scan_table(directory: Path) -> pl.LazyFrame:
    """Return the rows of a table artifact, not read yet."""
    return pl.scan_parquet(_data(directory), glob=False)


def _data(directory: Path) -> Path:
    path = Path(directory) / DATA_FILE
    if not path.is_file():
        raise UnreadableError(f"{path} is missing: run the step that makes this table again.")
    return path


def describe(directory: Path, schema: TableSchema) -> TableSchema:
    """Return the schema with the columns and the number of rows that the Parquet file really has.

    `DESCRIBED` columns are in memory at a time.
    """
    rows = scan_table(directory)
    kinds = [(name, _KINDS[type_]) for name, type_ in rows.collect_schema().items()]
    count = rows.select(pl.len()).collect().item()

    def described(first: int) -> list[TableColumn]:
        room = np.empty(count, np.int64)
        # Opened once: each opening reads what the file says of all columns.
        with _opened(directory) as file:
            return [
                _of_numbers(_frames(file, ROW_GROUP, [name]), name, kind, room)
                if kind in ("number", "integer")
                else _of_words(_frames(file, ROW_GROUP, [name]), name, kind)
                for name, kind in kinds[first::DESCRIBED]
            ]

    with ThreadPoolExecutor(DESCRIBED) as pool:
        parts = [iter(part) for part in pool.map(described, range(DESCRIBED))]
    columns = tuple(next(parts[place % DESCRIBED]) for place in range(len(kinds)))
    return replace(schema, columns=columns, rows=count)


def _of_numbers(
    frames: Iterable[pl.DataFrame], name: str, kind: ColumnKind, room: np.ndarray
) -> TableColumn:
    """Return a column of numbers, which are sorted in `room`, int64 for as many as the rows.

    numpy sorts in a third of the time that polars takes to count different numbers, and new room
    for every column would cost as much again.
    """
    ordered, present = room.view(np.float64 if kind == "number" else np.int64), 0
    for frame in frames:
        cells = frame.get_column(name).alias(CELLS).drop_nulls().to_numpy()
        ordered[present : present + len(cells)] = cells
        present += len(cells)
    ordered, missing = ordered[:present], len(room) - present
    if not present:
        return TableColumn(name, kind, missing, 0)
    ordered.sort()
    distinct = 1 + int(np.count_nonzero(ordered[1:] != ordered[:-1]))
    return TableColumn(name, kind, missing, distinct, float(ordered[0]), float(ordered[-1]))


def _of_words(frames: Iterable[pl.DataFrame], name: str, kind: ColumnKind) -> TableColumn:
    found = [frame.get_column(name).alias(CELLS) for frame in frames]
    cells = pl.concat(found) if found else pl.Series(CELLS, dtype=pl.String)
    return TableColumn(name, kind, cells.null_count(), cells.drop_nulls().n_unique())


def read_columns(directory: Path) -> dict[str, np.ndarray]:
    """Return the cells of every input column, as `serving.signature.encode` takes them.

    number: float64 with NaN; integer: int64 and boolean: bool, either float64 with NaN where cells
    are missing; text: object array of str with None.
    """
    schema = read_schema(directory)
    series = scan_table(directory).collect().iter_columns()
    return {each.name: _cells(each) for each in series if each.name != schema.target}


def _cells(series: pl.Series) -> np.ndarray:
    if series.dtype != pl.String and series.null_count():
        series = series.alias(CELLS).cast(pl.Float64).fill_null(float("nan"))
    return series.to_numpy()


def read_target(directory: Path) -> np.ndarray:
    """Return the target of every row: an array of str, int64 or bool without missing cells."""
    rows = scan_table(directory)
    place = rows.collect_schema().names().index(read_schema(directory).target)
    series = rows.select(pl.nth(place).alias(CELLS)).collect().to_series()
    return np.asarray(series.to_list()) if series.dtype == pl.String else series.to_numpy()


def read_classes(directory: Path) -> np.ndarray:
    """Return the class of every row, int64: its place among the sorted words, or the number."""
    rows = scan_table(directory)
    place = rows.collect_schema().names().index(read_schema(directory).target)
    cell = pl.nth(place).alias(CELLS)
    text = rows.collect_schema().dtypes()[place] == pl.String
    code = (cell.rank("dense") - 1) if text else cell
    return rows.select(code.cast(pl.Int64)).collect().to_series().to_numpy()


def batches(
    directory: Path, columns: Sequence[str], rows: int | None = None
) -> Iterator[dict[str, np.ndarray]]:
    """Yield the cells of these columns, `rows` rows at a time and in the table's order.

    Cells are as `read_columns` gives them; of the target, too.
    """
    with _opened(directory) as file:
        for frame in _frames(file, rows or BATCH, [*columns]):
            yield {name: _cells(frame.get_column(name)) for name in columns}


def _opened(directory: Path) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(_data(directory), pre_buffer=False)


def _frames(file: Any, rows: int, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
    for batch in file.iter_batches(rows, columns=columns):
        yield pl.DataFrame(pl.from_arrow(batch))


def read_part(directory: Path, rows: int) -> dict[str, np.ndarray]:
    """Return the cells of `rows` rows that are drawn over the whole table, in its order.

    Always the same rows of the same table; cells are as `read_columns` gives them, of the target,
    too.
    """
    drawn = np.random.default_rng(0).choice(read_schema(directory).rows, rows, replace=False)
    mask = np.zeros(read_schema(directory).rows, dtype=bool)
    mask[drawn] = True
    kept = [frame.filter(pl.Series(part)) for frame, part in _with_mask(directory, mask)]
    return {each.name: _cells(each) for each in pl.concat(kept).iter_columns()}


def _with_mask(directory: Path, mask: np.ndarray) -> Iterator[tuple[pl.DataFrame, np.ndarray]]:
    """Yield all rows in batches, each with its part of a mask over the table."""
    start = 0
    with _opened(directory) as file:
        for frame in _frames(file, BATCH):
            yield frame, mask[start : start + frame.height]
            start += frame.height


def split_rows(source: Path, mask: np.ndarray, parts: tuple[Path, Path]) -> None:
    """Write the rows where `mask` is false as one table and the others as another, in order.

    Both appear whole or not at all; a batch of rows is in memory at a time.
    """
    schema = read_schema(source)
    names = [column.name for column in schema.columns]
    with ExitStack() as stack:
        unfinished = [stack.enter_context(partial(Path(part))) for part in parts]
        for directory in unfinished:
            directory.mkdir()
        with Writer(unfinished[0], names) as first, Writer(unfinished[1], names) as second:
            for rows, chosen in _with_mask(source, mask):
                first.write(rows.filter(pl.Series(~chosen)))
                second.write(rows.filter(pl.Series(chosen)))
        for directory in unfinished:
            write_schema(directory, describe(directory, schema))
