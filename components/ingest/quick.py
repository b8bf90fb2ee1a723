"""Many rows in one pass: text becomes typed batches as it is read, while its bytes are summed up.

The kinds of the columns are those of the first rows, until a piece shows that one is wider: then
the pass starts again with what was learned. Whatever is unusual (quotes as plain characters,
another encoding, a ragged row) is left to `thorough`, which looks at every cell and says what is
wrong, so that both give the same table.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from components import csv_batches, csv_bytes, csv_format, csv_unpacked, dataset
from components.csv_batches import Batch, Piece
from components.csv_bytes import SAMPLE
from components.csv_columns import Cast, Tally
from components.csv_format import Layout
from components.ingest import rules
from components.ingest.reading import Read
from components.ingest.rules import Request
from components.ingest.sources import Source
from components.table_schema import TargetKind

PIECE = 8 << 20
HEAD = 1 << 20
WORKERS = 2
WAITING = 3
LONGEST = 4 * PIECE
"""Records that quotes hold together over more than this are looked at one by one."""
MOST_PASSES = 6


class Closer(Exception):
    """The text needs a closer look than this one."""


@dataclass(frozen=True)
class Plan:
    """How the columns are read; `whole`: the target's numbers are names of classes."""

    casts: tuple[Cast, ...]
    target: Cast
    kind: TargetKind
    tallies: tuple[Tally, ...]

    @property
    def whole(self) -> bool:
        """Whether the target is written with a fraction of zero, such as 1.0, and is a class."""
        return self.kind == "integer" and self.target.kind == "number"


class _Learned(Exception):
    """A piece has cells of another kind; with what is known now."""

    def __init__(self, tallies: tuple[Tally, ...]) -> None:
        self.tallies = tallies


def read(
    sources: Sequence[Source], request: Request, table: Path, seen: Callable[[int], None]
) -> Read:
    """Write the rows into the table directory; return what was read.

    `seen` hears how many bytes of the files were read. Raises Closer or DataError where `thorough`
    has to look.
    """
    tallies: tuple[Tally, ...] | None = None
    for _ in range(MOST_PASSES):
        try:
            return _pass(sources, request, table, seen, tallies)
        except _Learned as learned:
            tallies = learned.tallies
    raise Closer


def _pass(
    sources: Sequence[Source],
    request: Request,
    table: Path,
    seen: Callable[[int], None],
    tallies: tuple[Tally, ...] | None,
) -> Read:
    digest = sha256()

    def hear(content: memoryview) -> None:
        digest.update(content)
        seen(len(content))

    texts = _pieces(sources, hear)
    first, encoding = next(texts, (None, ""))
    if first is None:
        raise Closer
    plan = _plan(first.layout, request, tallies or csv_batches.tally(_head(first)))
    taker = _Taker(plan)
    pieces = chain([first], (piece for piece, _ in texts))
    with dataset.Writer(table, [cast.name for cast in plan.casts]) as writer:
        for batch in _parsed(pieces, plan):
            writer.write(taker.take(batch))
    return Read(
        sha256=digest.hexdigest(),
        layout=first.layout,
        encoding=encoding,
        target=taker.target,
        kind=plan.kind,
        without_target=taker.without_target,
    )


def _plan(layout: Layout, request: Request, tallies: tuple[Tally, ...]) -> Plan:
    casts = rules.casts(layout.header, rules.chosen(layout.header, request), tallies)
    target = next(cast for cast in casts if cast.name == request.target)
    kind = rules.target_kind(target, 0, is_regression=request.is_regression)
    # As number, integers are read as such, too.
    casts = tuple(
        replace(cast, kind=kind) if cast is target and kind == "number" else cast for cast in casts
    )
    return Plan(casts, target, kind, tallies)


def _head(piece: Piece) -> Piece:
    """Return the first records of a piece, all of it where quotes may hold them together."""
    end = piece.content.find(b"\n", HEAD) + 1
    few = end and b'"' not in piece.content
    return replace(piece, content=piece.content[:end]) if few else piece


def _pieces(
    sources: Sequence[Source], hear: Callable[[memoryview], None]
) -> Iterator[tuple[Piece, str]]:
    """Yield the records of all files, and the encoding that each file is in."""
    header: tuple[str, ...] | None = None
    for source in sources:
        with csv_unpacked.opened(source.path, hear) as file:
            records = _records(file)
            first = next(records, b"")
            layout, start, encoding = _opening(first)
            if header not in (None, layout.header):
                raise Closer
            header = layout.header
            below = replace(layout, header_lines=0)
            for content in chain([first[start:]], records):
                if content:
                    yield Piece(content, below), encoding


def _opening(first: bytes) -> tuple[Layout, int, str]:
    """Return how a text is written, where its rows start, and its encoding."""
    csv_bytes.refuse_signature(first)
    sample = first[: first.find(b"\n", SAMPLE - 1) + 1] if len(first) > SAMPLE else first
    layout = csv_format.glance(sample, complete=len(sample) == len(first))
    start = 0
    for _ in range(layout.header_lines):
        start = first.find(b"\n", start) + 1
    # Without a newline, lines may end with a return alone.
    if not start:
        raise Closer
    marked = first.startswith(codecs.BOM_UTF8)
    return layout, start, "utf-8-sig" if marked else "utf-8"


def _records(file: BinaryIO) -> Iterator[bytes]:
    """Yield about PIECE bytes of whole records at a time, which are surely UTF-8."""
    held = b""
    for _, lines in csv_bytes.whole_lines(file, size=PIECE):
        held += lines
        if held.count(b'"') % 2 == 0:
            yield _plain(held)
            held = b""
        elif len(held) > LONGEST:
            raise Closer
    if held:
        raise Closer


def _plain(content: bytes) -> bytes:
    if b"\0" in content:
        raise Closer
    if not content.isascii():
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Closer from error
    return content


def _parsed(pieces: Iterator[Piece], plan: Plan) -> Iterator[Batch]:
    """Yield the batches in order; the next pieces are read while one is parsed and written."""
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            for piece in pieces:
                waiting.append(pool.submit(csv_batches.read, piece, plan.casts, plan.target.place))
                if len(waiting) >= WAITING:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for left in waiting:
                left.cancel()


class _Taker:
    """Takes batches whose cells are what the plan says, and counts rows without a target."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._tallies = plan, plan.tallies
        self.rows = self.without_target = 0

    @property
    def target(self) -> Cast:
        """The target as all rows show it."""
        known = replace(self._plan.target.tally, present=self.rows)
        return replace(self._plan.target, tally=known)

    def take(self, batch: Batch) -> Any:
        """Return the rows to write; raise where the plan does not fit them."""
        if batch.tallies is not None:
            self._compare(batch.tallies)
        self.rows += batch.rows.height
        self.without_target += batch.total - batch.rows.height
        place = self._plan.target.place
        rows = csv_batches.whole(batch.rows, place) if self._plan.whole else batch.rows
        if rows is None:
            raise Closer
        return rows

    def _compare(self, tallies: tuple[Tally, ...]) -> None:
        pairs = zip(self._tallies, tallies, strict=True)
        self._tallies = tuple(one + other for one, other in pairs)
        for cast in self._plan.casts:
            if _reading(self._tallies[cast.place]) != _reading(self._plan.tallies[cast.place]):
                raise _Learned(self._tallies)


def _reading(tally: Tally) -> tuple[object, ...]:
    """Return how the cells of a column are read; another way gives another column."""
    points, infinite = tally.numbers == tally.present, bool(tally.infinite)
    kind = rules.kind_of(tally)
    return (kind, bool(tally.present), kind == "number" and points, infinite)
