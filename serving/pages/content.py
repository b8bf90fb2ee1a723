"""What a page or a terminal is given to show: values without a word of HTML in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "number", "code", "level", "moment"]
"""How a column is set: numbers to the right, digests and uris in one width, levels coloured."""
Columns = tuple[tuple[str, Kind], ...]
Fact = tuple[str, str, Kind]
"""A label, its value, and how that is set."""


@dataclass(frozen=True)
class Table:
    """Columns with their kinds, and rows of as many cells."""

    title: str
    columns: Columns
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Mark:
    """One element of a drawing: its SVG tag, its class, its attributes, its text."""

    tag: str
    css: str
    at: Mapping[str, str]
    text: str = ""


@dataclass(frozen=True)
class Chart:
    """A drawing with what it says in words, its key (class and label), and the numbers behind it.

    `width` and `height` are in pixels at the size that it is meant for.
    """

    name: str
    title: str
    about: str
    width: int
    height: int
    marks: tuple[Mark, ...]
    key: tuple[tuple[str, str], ...]
    table: Table


@dataclass(frozen=True)
class Section:
    """A part of a page; whatever is empty is not shown, nor a section that is empty as a whole."""

    title: str
    about: str = ""
    facts: tuple[Fact, ...] = ()
    notes: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    commands: tuple[tuple[str, str], ...] = ()

    @property
    def empty(self) -> bool:
        """Say whether there is nothing to show."""
        told = (self.about, self.facts, self.notes, self.charts, self.commands)
        return not any(told) and not any(table.rows for table in self.tables)


@dataclass(frozen=True)
class Page:
    """A title, what it comes to in a word (with its level) and in a sentence, and the sections."""

    title: str
    word: str
    level: str
    sentence: str
    facts: tuple[Fact, ...] = ()
    sections: tuple[Section, ...] = field(default=())
