"""What is different from what the champion learned from: its signature and baseline, and a table.

Nothing of it is an error: a model that is trained anew may be made for other data. But callers go
on sending what the champion takes, and a column that changed unnoticed is how most models break.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.table_schema import TableColumn
from components.validate.finding import Facts, Finding, Found, count, listed
from serving.signature import Column, Signature

STRANGE_WARNING = 0.05
SHIFT = 0.1
"""By which a share must differ, beyond what chance does to samples of this size."""
_CHANCE = 1.63
"""Kolmogorov and Smirnov's c(0.01): samples of n and m rows differ by c·sqrt(1/n + 1/m) at most."""


@dataclass(frozen=True)
class Known:
    """What a version learned from: its signature, and its baseline (`serving.artifact`)."""

    version: str
    signature: Signature
    rows: int
    baseline: Mapping[str, Mapping[str, Any]]

    def column(self, name: str) -> Column | None:
        """Return its column of that name, None where it has none."""
        return next((each for each in self.signature.inputs if each.name == name), None)

    def listed_words(self) -> dict[str, tuple[str, ...]]:
        """Return the words of those text columns whose words are listed, by column."""
        return {each.name: each.categories for each in self.signature.inputs if each.categories}

    def quantiles(self, name: str) -> dict[float, float]:
        """Return the marks of a numeric column by the share of rows up to them."""
        marks = self.baseline.get(name, {}).get("quantiles", {})
        return {int(percent) / 100: float(mark) for percent, mark in marks.items()}

    def words(self, name: str) -> dict[str, float]:
        """Return the share of each frequent word of a text column."""
        return dict(self.baseline.get(name, {}).get("top", {}))


@dataclass(frozen=True)
class Seen:
    """A table, looked at with the champion's eyes.

    `strange`: by text column, rows with words that it does not know and some of these words;
    `ranges`: by numeric column, the shares of rows below and up to each of its distinct marks,
    rising; `words`: by text column, the shares of its frequent words; `looked`: rows of these two.
    """

    strange: Mapping[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    ranges: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    words: Mapping[str, Sequence[float]] = field(default_factory=dict)
    looked: int = 0


def findings(facts: Facts, known: Known, seen: Seen) -> tuple[Finding, ...]:
    """Return what is different from the champion, by column in the table's order."""
    if known.signature.image is not None or known.signature.is_number != facts.schema.is_quantity:
        return (_other_task(facts, known),)
    shared = [(column, was) for column in facts.schema.inputs if (was := known.column(column.name))]
    return (
        *_gone(facts, known),
        *_new(facts, known),
        *(each for column, was in shared for each in _kind(column, was, known)),
        *_strange_words(facts, known, seen),
        *(each for pair in shared for each in _missing(facts, pair, known)),
        *(each for pair in shared for each in _shifted(pair, known, seen)),
        *_labels(facts, known),
    )


def _other_task(facts: Facts, known: Known) -> Finding:
    was = "estimates a number" if known.signature.is_number else "tells classes"
    was = "takes pictures" if known.signature.image is not None else was
    now = "a number" if facts.schema.is_quantity else "a class"
    return Finding(
        "warning",
        "other_task",
        facts.schema.target,
        {},
        f"Version {known.version}, which serves, {was}, and the target {facts.schema.target!r} is "
        f"{now}: the gate cannot compare them, train under another name.",
    )


def _gone(facts: Facts, known: Known) -> Found:
    present = {column.name for column in facts.schema.inputs}
    for column in known.signature.inputs:
        if column.name not in present:
            yield Finding(
                "warning",
                "column_removed",
                column.name,
                {},
                f"Column {column.name!r} ({column.kind}) is gone; version {known.version}, which "
                "serves, learned from it, and its callers go on sending it.",
            )


def _new(facts: Facts, known: Known) -> Found:
    for column in facts.schema.inputs:
        if known.column(column.name) is None:
            yield Finding(
                "warning",
                "column_added",
                column.name,
                {"distinct": column.distinct},
                f"Column {column.name!r} ({column.kind}) is new; the callers of version "
                f"{known.version}, which serves, do not send it.",
            )


def _kind(column: TableColumn, was: Column, known: Known) -> Found:
    if column.kind != was.kind:
        wider = (was.kind, column.kind) == ("integer", "number")
        yield Finding(
            "note" if wider else "warning",
            "type_changed",
            column.name,
            {},
            f"Column {column.name!r} is {column.kind} and was {was.kind} for version "
            f"{known.version}, which serves"
            + ("." if wider else ": look for cells that are written differently."),
        )


def _strange_words(facts: Facts, known: Known, seen: Seen) -> Found:
    for name, (rows, words) in seen.strange.items():
        share = rows / facts.schema.rows
        yield Finding(
            "warning" if share >= STRANGE_WARNING else "note",
            "new_categories",
            name,
            {"rows": rows, "share": share},
            f"Column {name!r} has words that version {known.version}, which serves, does not know "
            f"({listed(words)}) in {count(rows, 'row')} ({share:.1%}).",
        )


def _missing(facts: Facts, pair: tuple[TableColumn, Column], known: Known) -> Found:
    column, was = pair
    share = column.missing / facts.schema.rows
    before = float(known.baseline.get(column.name, {}).get("missing", 0.0))
    much = abs(share - before) > SHIFT + _chance(known.rows, facts.schema.rows)
    if much or (column.missing and not was.nullable):
        yield Finding(
            "warning" if much else "note",
            "missing_changed",
            column.name,
            {"share": share, "before": before},
            f"Column {column.name!r} is missing in {share:.1%} of the rows, of those that version "
            f"{known.version}, which serves, learned from in {before:.1%}.",
        )


def _shifted(pair: tuple[TableColumn, Column], known: Known, seen: Seen) -> Found:
    column, was = pair
    if (column.kind == "text") is not (was.kind == "text"):
        return
    shift = _word_shift if column.kind == "text" else _range_shift
    now, before, what = shift(column.name, known, seen)
    if abs(now - before) > SHIFT + _chance(known.rows, seen.looked):
        yield Finding(
            "warning",
            "shifted",
            column.name,
            {"share": now, "before": before},
            f"Column {column.name!r} is {what} in {now:.1%} of the rows, of those that version "
            f"{known.version}, which serves, learned from in {before:.1%}.",
        )


def _range_shift(name: str, known: Known, seen: Seen) -> tuple[float, float, str]:
    """Return the two shares that are furthest apart, now and before, and of what they are.

    A mark that many rows sit on stands for several percents: below it are the least of them at
    most, up to it the most of them at least.
    """
    quantiles = known.quantiles(name)
    found = [(0.0, 0.0, "")]
    marks = sorted(set(quantiles.values()))
    for mark, (below, up_to) in zip(marks, seen.ranges.get(name, ()), strict=False):
        shares = [share for share, value in quantiles.items() if value == mark]
        found.append((max(below, min(shares)), min(shares), f"less than {mark:.6g}"))
        found.append((min(up_to, max(shares)), max(shares), f"{mark:.6g} or less"))
    return max(found, key=lambda each: abs(each[0] - each[1]))


def _word_shift(name: str, known: Known, seen: Seen) -> tuple[float, float, str]:
    before = known.words(name)
    shares = zip(seen.words.get(name, ()), before.items(), strict=False)
    found = [(now, share, f"{word!r:.80}") for now, (word, share) in shares]
    return max(found, key=lambda each: abs(each[0] - each[1]), default=(0.0, 0.0, ""))


def _chance(rows: int, others: int) -> float:
    return _CHANCE * math.sqrt(1 / max(rows, 1) + 1 / max(others, 1))


def _labels(facts: Facts, known: Known) -> Found:
    now = {str(label) for label, _ in facts.classes}
    before = {str(label) for label in known.signature.labels}
    for check, names, what in (
        ("class_added", sorted(now - before), "does not know"),
        ("class_removed", sorted(before - now), "answers with, though no row here has them"),
    ):
        if names:
            classes = "class" if len(names) == 1 else "classes"
            yield Finding(
                "warning",
                check,
                facts.schema.target,
                {"classes": len(names)},
                f"The target {facts.schema.target!r} differs: version {known.version}, which "
                f"serves, {what}, {classes} {listed(names)}.",
            )
