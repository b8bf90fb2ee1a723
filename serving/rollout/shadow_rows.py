"""Which rows a shadow asks, and where they come from.

`RowSource` is the seam: whoever keeps recent live payloads puts a source of them before
`GoldenRows`. The same state must get the same rows in the same order, so that a process that takes
over asks the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from serving import storage
from serving.errors import KanaryaError
from serving.golden import GOLDEN, Golden, parse_golden
from serving.rollout.state import Rollout

Row = Mapping[str, np.ndarray]
"""One row of a model's inputs by column: [1, 1], or of an image [1, height, width, channels]."""


@dataclass(frozen=True)
class Block:
    """Rows that have the same columns: arrays [n, …] by column, and whose they are, for people."""

    source: str
    columns: Mapping[str, np.ndarray]

    def rows(self, names: Sequence[str]) -> Iterator[Row]:
        """Yield the rows, with the named columns only."""
        count = len(next(iter(self.columns.values()), ()))
        for at in range(count):
            yield {name: self.columns[name][at : at + 1] for name in names}


class RowSource(Protocol):
    """Something that has rows to ask."""

    def blocks(self, state: Rollout) -> tuple[Block, ...]:
        """Return the rows there are for a rollout, the best ones first; empty where none are."""


class GoldenRows:
    """The rows that were packaged with the candidate and with the model that is live."""

    def blocks(self, state: Rollout) -> tuple[Block, ...]:
        """Return the golden rows that can be read from here."""
        wanted = ((state.version, state.uri), (state.from_version, state.from_uri))
        found = [(version, _golden(uri)) for version, uri in wanted if uri]
        return tuple(
            Block(f"golden rows of {_named(version)}", golden.columns)
            for version, golden in found
            if golden
        )


@dataclass(frozen=True)
class Chosen:
    """The rows to ask: each once, `most` at most, with the columns that one revision takes."""

    rows: tuple[Row, ...]
    source: str
    trouble: str = ""


def choose(blocks: Sequence[Block], columns: Sequence[str], most: int) -> Chosen:
    """Return the rows that have all of the columns that either revision takes.

    Versions that were trained on the same data have golden rows in common: each is asked once.
    """
    if not blocks:
        return Chosen((), "", "no rows to ask were found beside either model")
    columns = columns or tuple(blocks[0].columns)
    complete = [block for block in blocks if not _lacking(block, columns)]
    if not complete:
        lacks = "; ".join(f"the {b.source} lack {_lacking(b, columns)[0]!r}" for b in blocks)
        return Chosen((), "", f"no rows have the columns that both revisions take ({lacks})")
    once: dict[bytes, Row] = {}
    sources = []
    for block in complete:
        before = len(once)
        for row in islice(block.rows(columns), most):
            if len(once) < most:
                once.setdefault(_bytes(row), row)
        sources += [block.source] if len(once) > before else []
    return Chosen(tuple(once.values()), " and ".join(sources))


def _lacking(block: Block, columns: Sequence[str]) -> list[str]:
    return [name for name in columns if name not in block.columns]


def _bytes(row: Row) -> bytes:
    return b"\0".join(str(cells.dtype).encode() + cells.tobytes() for cells in row.values())


def _named(version: str | None) -> str:
    return f"version {version}" if version else "the live model"


@lru_cache(maxsize=2)
def _golden(uri: str) -> Golden | None:
    """Return the golden rows of a sealed model, which never change; None where there are none."""
    try:
        data = storage.read(storage.join(uri, GOLDEN))
        return None if data is None else parse_golden(data, Path(uri))
    except KanaryaError:
        return None
