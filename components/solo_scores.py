"""How well one column alone tells the target, without fitting anything: what gives a leak away.

Each row is told from the other rows with the same value (the same range, for numbers with many
values) and never from itself, so a column of unique values tells nothing.
"""

from __future__ import annotations

import polars as pl

from components.table_facts import places
from components.table_schema import TableColumn, TableSchema

# A numeric column with more values than this is cut into ranges of equal row counts.
MOST_VALUES = 64
LEAST_ROWS_A_RANGE = 5
MOST_RANGES = 1000


def accuracies(frame: pl.DataFrame, schema: TableSchema) -> dict[str, float]:
    """Return, for each input column, how often it tells the right class: the most frequent one."""
    return {column.name: _accuracy(_pairs(frame, schema, column)) for column in schema.inputs}


def explained(frame: pl.DataFrame, schema: TableSchema) -> dict[str, float]:
    """Return, for each input column, R² of a target that is a number, 0 to 1.

    The better of two guesses: the mean of the other rows with that value, and a straight line.
    """
    return {
        column.name: max(_by_means(pairs), _by_line(pairs, column))
        for column in schema.inputs
        for pairs in (_pairs(frame, schema, column),)
    }


def _pairs(frame: pl.DataFrame, schema: TableSchema, column: TableColumn) -> pl.DataFrame:
    place = places(schema)
    return frame.select(
        pl.nth(place[column.name]).alias("cell"),
        _bucket(pl.nth(place[column.name]), column, frame.height).alias("value"),
        pl.nth(place[schema.target]).alias("target"),
    )


def _bucket(cell: pl.Expr, column: TableColumn, rows: int) -> pl.Expr:
    if column.kind in ("text", "boolean") or column.distinct <= MOST_VALUES:
        return cell
    ranges = max(2, min(MOST_RANGES, rows // LEAST_ROWS_A_RANGE))
    return (cell.rank("min") * ranges) // (rows + 1)


def _accuracy(pairs: pl.DataFrame) -> float:
    """Return the leave-one-out accuracy of the majority class; a tie counts as wrong."""
    counts = pairs.group_by("value", "target").len()
    top = pl.col("len").top_k(2)
    groups = counts.group_by("value").agg(first=top.max(), second=top.sum() - top.max())
    told = groups.filter(pl.col("first") > pl.col("second") + 1).get_column("first").sum()
    return float(told) / max(pairs.height, 1)


def _by_means(pairs: pl.DataFrame) -> float:
    """Return the leave-one-out R² of group means; a row alone is told by the mean of all."""
    scaled = (pl.col("target") - pl.col("target").mean()) / pl.col("target").std(ddof=0)
    groups = pairs.select("value", scaled.alias("target")).group_by("value")
    rows, mean, spread = pl.len(), pl.col("target").mean(), pl.col("target").var(ddof=0)
    # Left out, a row is n/(n-1) times as far from the mean of the others as from that of all.
    error = pl.when(rows > 1).then(rows * spread * (rows / (rows - 1)) ** 2).otherwise(mean**2)
    errors = groups.agg(error.alias("error")).get_column("error").sum()
    return _share(1.0 - float(errors) / max(pairs.height, 1))


def _by_line(pairs: pl.DataFrame, column: TableColumn) -> float:
    if column.kind not in ("number", "integer"):
        return 0.0
    correlation = pairs.select(pl.corr("cell", "target")).item()
    present = 1.0 - pairs.get_column("cell").null_count() / max(pairs.height, 1)
    return 0.0 if correlation is None else _share(correlation**2 * present)


def _share(value: float) -> float:
    """Return the value within 0 and 1; 0 where it is NaN, as of numbers too large to square."""
    return max(0.0, min(1.0, value)) if value == value else 0.0
