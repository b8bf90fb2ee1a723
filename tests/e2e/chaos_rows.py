"""One way to break it, and what then: a row of the table of docs/chaos.md."""

from __future__ import annotations

from dataclasses import dataclass

GOES_ON = "everything that was live"


@dataclass(frozen=True)
class Row:
    """One way to break it.

    `told`: words that the user reads, which the test (`file::name` below tests/) looks for.
    """

    what: str
    served: str
    lost: str
    told: tuple[str, ...]
    cured: str
    test: str


def rows(file: str, *found: tuple[str, str, str, tuple[str, ...], str, str]) -> list[Row]:
    """Return rows whose tests are in one file."""
    return [Row(*each[:5], f"{file}::test_{each[5]}") for each in found]
