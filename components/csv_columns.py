"""What the cells of a CSV column read as, and what the column becomes: values without polars."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from serving.signature import ColumnKind

# Cells that mean "missing", in any case and with spaces around; also in quotes.
MISSING_WORDS = ("", "NA", "N/A", "NaN", "null", "None", "?")


@dataclass(frozen=True)
class Tally:
    """How many cells of a text column read as what; `present` are those that are not missing.

    `codes`: 007 or 19 digits and more, which a number would not give back. `decimal_commas`: 3,14
    and whole numbers, none where commas separate the cells. `infinite`: numbers that are so.
    """

    present: int
    booleans: int
    codes: int
    integers: int
    numbers: int
    decimal_commas: int
    infinite: int

    def __add__(self, other: Tally) -> Tally:
        """Return what the cells of both read as."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Tally(*(mine + others for mine, others in pairs))


@dataclass(frozen=True)
class Cast:
    """Which column of the text becomes which column of the table."""

    place: int
    name: str
    kind: ColumnKind
    tally: Tally
