"""Numbers about the rows of a table artifact, counted with polars; nothing is judged here.

What every row is asked for is counted in one pass over columns; what costs more is asked of a part
of the rows (`look`), so that a table of millions costs seconds and no more memory than its part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from components.dataset import scan_table
from components.table_schema import TableSchema, read_schema

MOST_ROWS, LEAST_ROWS, MOST_CELLS = 200_000, 10_000, 4_000_000
"""How much is looked at: as many rows as have `MOST_CELLS` cells, within these limits."""
MOST_WORDS = 10_000
"""Of a text column whose spellings are compared."""
LISTED = 5


def class_counts(table: Path) -> tuple[tuple[str | int | bool, int], ...]:
    """Return (class, rows) pairs, the most frequent class first, equal ones in their order."""
    place = places(read_schema(table))[read_schema(table).target]
    label = pl.nth(place).alias("label")
    counts = scan_table(table).select(label).group_by("label").len().collect()
    return tuple(counts.sort("len", "label", descending=[True, False]).rows())


def duplicate_rows(table: Path) -> int:
    """Return how many rows are, cell by cell, the same as another row above them."""
    digests = _digests(table)
    return int(digests.len() - digests.n_unique())


def overlapping_rows(train: Path, test: Path) -> int:
    """Return how many rows of `test` are, cell by cell, a row of `train` too."""
    return int(_digests(test).is_in(_digests(train).unique().implode()).sum())


def _digests(table: Path) -> pl.Series:
    """Return 64 bits of each row, which is all of it that is kept: 40 MB of 5 million rows."""
    digest = pl.struct(pl.all()).hash(seed=0).alias("digest")
    return scan_table(table).select(digest).collect(engine="streaming").to_series()


def look(table: Path) -> pl.DataFrame:
    """Return the rows of a table, of a large one a part that is drawn over all of it.

    The same rows for the same table; its columns are those of the table, in their order.
    """
    schema, rows = read_schema(table), scan_table(table)
    wanted = max(LEAST_ROWS, min(MOST_ROWS, MOST_CELLS // max(len(schema.columns), 1)))
    if schema.rows <= wanted:
        return rows.collect()
    # Columns have names, so the one without a name is free.
    drawn = pl.nth(0).hash(seed=0) % schema.rows < wanted
    columns = pl.nth(range(1, len(schema.columns) + 1))
    return rows.with_row_index("").filter(drawn).select(columns).collect(engine="streaming")


def most_frequent(frame: pl.DataFrame, schema: TableSchema) -> dict[str, tuple[object, float]]:
    """Return each column's most frequent value and its share of the cells that are present."""
    found = {}
    for column, cells in zip(schema.columns, frame.iter_columns(), strict=True):
        # First of all another name: polars takes "*" for all columns, or for none.
        present = cells.alias("value").drop_nulls()
        if present.len():
            counts = present.to_frame().group_by("value").len()
            most = counts.filter(pl.col("len") == pl.col("len").max()).sort("value")
            found[column.name] = (most.item(0, "value"), most.item(0, "len") / present.len())
    return found


def twins(frame: pl.DataFrame, schema: TableSchema) -> tuple[tuple[str, ...], ...]:
    """Return the groups of input columns that say the same, be it in other words.

    A column of few values is the same as another where each of its values always stands beside the
    same one there; of columns that are nearly all different values, the cells themselves count.
    """
    groups: dict[bytes, list[str]] = {}
    for column, cells in zip(schema.columns, frame.iter_columns(), strict=True):
        if column.name != schema.target and column.distinct > 1:
            few = column.distinct * 2 <= schema.rows
            pattern = _first_places(cells) if few else cells.alias("value").hash(seed=0)
            digest = hashlib.blake2b(pattern.to_numpy().tobytes(), digest_size=16).digest()
            groups.setdefault(digest, []).append(column.name)
    return tuple(tuple(names) for names in groups.values() if len(names) > 1)


def _first_places(cells: pl.Series) -> pl.Series:
    """Return, for each cell, the first row that has its value: the same for renamed values."""
    frame = cells.alias("value").to_frame().with_row_index("row")
    return frame.select(pl.col("row").first().over("value")).to_series()


def spellings(frame: pl.DataFrame, schema: TableSchema) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return, by text column, the words that differ only in case or in the space around them."""
    found = {}
    for column, cells in zip(schema.columns, frame.iter_columns(), strict=True):
        if column.kind == "text" and column.distinct <= MOST_WORDS:
            words = pl.DataFrame({"word": cells.alias("word").drop_nulls().unique()})
            plain = pl.col("word").str.strip_chars().str.to_lowercase()
            alike = words.group_by(plain.alias("plain")).agg(pl.col("word").sort())
            several = alike.filter(pl.col("word").list.len() > 1).sort("plain")
            if several.height:
                found[column.name] = tuple(map(tuple, several.get_column("word").to_list()))
    return found


def strange_words(
    table: Path, known: Mapping[str, Sequence[str]]
) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Return, by text column, in how many rows is none of its known words, and the first few such.

    All rows are asked. Columns whose words are all known are left out.
    """
    schema, rows = read_schema(table), scan_table(table)
    place = places(schema)
    found = {}
    for name, words in known.items():
        cells = rows.select(pl.nth(place[name]).alias("word")).drop_nulls()
        strange = cells.filter(~pl.col("word").is_in(list(words)))
        counts = strange.group_by("word").len().collect().sort("len", "word", descending=True)
        if counts.height:
            examples = counts.get_column("word").head(LISTED).to_list()
            found[name] = (int(counts.get_column("len").sum()), tuple(examples))
    return found


def shares_up_to(cells: pl.Series, marks: Iterable[float]) -> list[tuple[float, float]]:
    """Return, for each mark, the shares of the present cells below it and up to it."""
    # Baselines are of what models see, which is float32; polars casts no boolean to it directly.
    present = (
        cells.alias("cell").drop_nulls().cast(pl.Float64).cast(pl.Float32).cast(pl.Float64).sort()
    )
    rows = max(present.len(), 1)
    sides = [[present.search_sorted(mark, side) for side in ("left", "right")] for mark in marks]
    return [(below / rows, up_to / rows) for below, up_to in sides]


def shares_of(cells: pl.Series, words: Sequence[str]) -> list[float]:
    """Return the share of each word among all cells."""
    counts = dict(cells.alias("word").drop_nulls().value_counts(name="rows").rows())
    return [counts.get(word, 0) / max(cells.len(), 1) for word in words]


def places(schema: TableSchema) -> dict[str, int]:
    """Return the place of each column by its name."""
    return {column.name: place for place, column in enumerate(schema.columns)}
