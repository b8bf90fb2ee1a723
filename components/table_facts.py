"""Numbers about the rows of a table artifact, counted with polars; nothing is judged here."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from components.dataset import scan_table
from components.table_schema import TableSchema, read_schema

# A numeric column with more values than this is cut into ranges of equal row counts.
MOST_VALUES = 64
LEAST_ROWS_A_RANGE = 20
MOST_RANGES = 1000


def class_counts(table: Path) -> tuple[tuple[str | int | bool, int], ...]:
    """Return (class, rows) pairs, the most frequent class first, equal ones in their order."""
    place = _places(read_schema(table))[read_schema(table).target]
    label = pl.nth(place).alias("label")
    counts = scan_table(table).select(label).group_by("label").len().collect()
    return tuple(counts.sort("len", "label", descending=[True, False]).rows())


def duplicate_rows(table: Path) -> int:
    """Return how many rows are, cell by cell, the same as another row above them."""
    rows = scan_table(table)
    # Pure digests: 64 bits of each row, not the row.
    digests = rows.select(pl.struct(pl.all()).hash(seed=0).alias("digest"))
    total, different = digests.select(pl.len(), pl.all().n_unique().alias("n")).collect().row(0)
    return int(total - different)


def solo_accuracies(table: Path) -> dict[str, float]:
    """Return, for each input column, how often that column alone tells the right class.

    Each row is told by the most frequent class among the other rows with the same value (the same
    range, for numbers with many values), so a column of unique values tells nothing.
    """
    schema = read_schema(table)
    places = _places(schema)
    return {
        column.name: _solo_accuracy(
            scan_table(table).select(
                _bucket(places[column.name], schema).alias("value"),
                pl.nth(places[schema.target]).alias("label"),
            ),
            schema.rows,
        )
        for column in schema.inputs
    }


def solo_correlations(table: Path) -> dict[str, float]:
    """Return, for each numeric column, the square of its correlation with the target, 0 to 1."""
    schema = read_schema(table)
    places = _places(schema)
    target = pl.nth(places[schema.target])
    wanted = [c.name for c in schema.inputs if c.kind in ("number", "integer")]
    if not wanted:
        return {}
    found = scan_table(table).select(
        [pl.corr(pl.nth(places[name]), target).alias(str(i)) for i, name in enumerate(wanted)]
    )
    squares = [0.0 if r is None or r != r else float(r) ** 2 for r in found.collect().row(0)]
    return dict(zip(wanted, squares, strict=True))


def _solo_accuracy(pairs: pl.LazyFrame, rows: int) -> float:
    """Return the leave-one-out accuracy of the majority class; a tie counts as wrong."""
    counts = pairs.group_by("value", "label").len().collect()
    top = pl.col("len").top_k(2)
    groups = counts.group_by("value").agg(first=top.first(), second=top.sum() - top.first())
    told = groups.filter(pl.col("first") > pl.col("second") + 1).get_column("first").sum()
    return float(told) / rows if rows else 0.0


def _bucket(place: int, schema: TableSchema) -> pl.Expr:
    column = schema.columns[place]
    cell = pl.nth(place)
    if column.kind in ("text", "boolean") or column.distinct <= MOST_VALUES:
        return cell
    ranges = max(2, min(MOST_RANGES, schema.rows // LEAST_ROWS_A_RANGE))
    return (cell.rank("min") * ranges) // (schema.rows + 1)


def _places(schema: TableSchema) -> dict[str, int]:
    return {column.name: place for place, column in enumerate(schema.columns)}
