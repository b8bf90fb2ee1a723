"""What a table must look like to be learned from: its columns, their kinds, its target."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from components.csv_columns import Cast, Tally
from components.errors import ColumnError, MalformedError
from components.table_schema import TableSchema, TargetKind
from serving.signature import ColumnKind

# A whole number with more values than this, and few rows for each, is a quantity and no class.
MOST_CLASSES = 100
LEAST_ROWS_A_CLASS = 10
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_LISTED = 20
REGRESSION = "tabular-regression"


@dataclass(frozen=True)
class Request:
    """What is asked of the columns: which one to predict, which ones to leave out.

    `task`: tabular (the target is a class) or tabular-regression (it is a number).
    """

    target: str
    drop: tuple[str, ...] = ()
    task: str = "tabular"

    @property
    def is_regression(self) -> bool:
        """Whether a number is to be predicted."""
        return self.task == REGRESSION


def nearest(name: str, known: Sequence[str]) -> str:
    """Return "did you mean …?" with the nearest names, and the first of those that are known."""
    by_folded = {each.casefold(): each for each in known}
    near = [by_folded[each] for each in get_close_matches(name.casefold(), by_folded, n=3)]
    meant = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    listed = ", ".join(known[:_LISTED]) + (", …" if len(known) > _LISTED else "")
    return f"{meant}The {len(known)} columns are: {listed}"


def chosen(header: Sequence[str], request: Request) -> tuple[int, ...]:
    """Return the places of the columns to keep.

    A first column without a name is an index and is not kept. Raises ColumnError for other
    nameless or doubled columns, an unknown target or `drop`, and where no column is left to learn
    from.
    """
    refuse_names(header)
    _refuse_target(header, request)
    for name in request.drop:
        if name not in header:
            raise ColumnError(f"it has no column {name!r} to drop: {nearest(name, header)}.")
    kept = tuple(place for place in named(header) if header[place] not in request.drop)
    if len(kept) < 2:
        away = ", ".join(map(repr, request.drop)) or "the column without a name"
        raise ColumnError(
            f"it has no column left to learn from once {away} and the target {request.target!r} "
            "are taken away: keep another one."
        )
    return kept


def named(header: Sequence[str]) -> tuple[int, ...]:
    """Return the places of the columns that have a name: all, but for an index at the beginning."""
    return tuple(place for place, name in enumerate(header) if name)


def refuse_names(header: Sequence[str]) -> None:
    """Raise ColumnError for a column without a name, unless it is the first, and for doubled ones.

    pandas and R write the index of a table as a first column without a name.
    """
    for place, name in enumerate(header):
        if not name and place:
            raise ColumnError(
                f"column {place + 1} has no name in the header: name it, or take it out of the "
                "file; only a first column may have none, which is an index and is left out."
            )
        if header.index(name) < place:
            raise ColumnError(
                f"it has two columns named {name!r}, number {header.index(name) + 1} and "
                f"number {place + 1}: rename one."
            )


def _refuse_target(header: Sequence[str], request: Request) -> None:
    if not request.target:
        raise ColumnError(
            f"no target was given: name the column to predict with --target (data.target in a "
            f"spec), one of {', '.join(header[:_LISTED])}."
        )
    if request.target in request.drop:
        raise ColumnError(f"the target {request.target!r} cannot be dropped as well: choose one.")
    if request.target in header:
        return
    numbers = [name for name in header if _NUMBER.fullmatch(name)]
    if numbers:
        raise MalformedError(
            f"it seems to have no header, its first line holds {numbers[0]!r}: add a line "
            f"with the names of the {len(header)} columns."
        )
    raise ColumnError(
        f"it has no column {request.target!r} to predict: {nearest(request.target, header)}."
    )


def seems_headless(header: Sequence[str]) -> bool:
    """Say whether the first line rather holds values than names: most of its cells are numbers."""
    return sum(bool(_NUMBER.fullmatch(name)) for name in header) * 2 > len(header)


def kind_of(counted: Tally) -> ColumnKind:
    """Return the narrowest kind that all cells of a column have; text where nothing is narrower."""
    present = counted.present
    if not present or counted.codes:
        return "text"
    if counted.booleans == present:
        return "boolean"
    if counted.integers == present:
        return "integer"
    if present in (counted.numbers, counted.decimal_commas):
        return "number"
    return "text"


def casts(header: Sequence[str], kept: Iterable[int], tallies: Sequence[Tally]) -> tuple[Cast, ...]:
    """Return how each kept column is cast; raise ColumnError for an infinite number."""
    found = tuple(
        Cast(
            place,
            header[place],
            kind_of(tallies[place]),
            tallies[place],
        )
        for place in kept
    )
    for cast in found:
        if cast.kind == "number" and cast.tally.infinite:
            raise ColumnError(
                f"column {cast.name!r} holds an infinite number ({cast.tally.infinite:,} "
                f"times): correct it, or leave the column out with --drop {cast.name!r}."
            )
    return found


def target_kind(target: Cast, fractions: int, *, is_regression: bool = False) -> TargetKind:
    """Return the kind of the target; raise ColumnError for no value and what the task cannot tell.

    `fractions`: how many of the target's numbers are not whole.
    """
    if not target.tally.present:
        raise ColumnError(f"the target {target.name!r} is missing in every row: fill it.")
    if is_regression:
        return _quantity(target)
    if fractions:
        raise _regression(target, f"{fractions:,} numbers with a fraction")
    return "integer" if target.kind == "number" else target.kind


def _quantity(target: Cast) -> TargetKind:
    if target.kind not in ("number", "integer"):
        raise ColumnError(
            f"the target {target.name!r} is {target.kind} and regression predicts numbers: choose "
            "another target, or the task tabular, which tells classes."
        )
    return "number"


def refuse_few_rows(rows: int) -> None:
    """Raise MalformedError where there are no two rows to train on one and test on the other."""
    if rows == 0:
        raise MalformedError("it holds a header only: add rows below it.")
    if rows == 1:
        raise MalformedError("it holds one row only: training and testing need different rows.")


def refuse_quantity(target: Cast, distinct: int) -> None:
    """Raise ColumnError for a whole number that counts something instead of naming a class."""
    rows = target.tally.present
    many = distinct > MOST_CLASSES and rows < distinct * LEAST_ROWS_A_CLASS
    if target.kind in ("number", "integer") and many:
        raise _regression(target, f"{distinct:,} different values in {rows:,} rows")


def _regression(target: Cast, evidence: str) -> ColumnError:
    return ColumnError(
        f"predicting {target.name!r} looks like regression ({evidence}): say so with --task "
        f"{REGRESSION} (task in a spec), or choose a target with classes."
    )


def told(schema: TableSchema, header: Sequence[str]) -> str:
    """Return what was read, in one line."""
    kinds = Counter(column.kind for column in schema.inputs)
    shown = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    without = schema.rows_without_target
    dropped = f"; {without} without {schema.target} were left out" if without else ""
    index = "" if header[0] else "; the first column has no name, so it is an index and left out"
    return f"{schema.rows} rows; columns to learn from: {shown}{dropped}{index}"
