"""A page as lines of text: the same facts for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from serving.pages.content import Fact, Page, Section, Table

_GAP = "  "


def lines(page: Page) -> list[str]:
    """Return the page, section by section; what a chart shows is told in words."""
    found = [f"{page.title}: {page.word.lower()}", page.sentence, *_facts(page.facts, "")]
    for section in page.sections:
        if not section.empty:
            found += ["", section.title, *_section(section)]
    return found


def _section(section: Section) -> Iterator[str]:
    if section.about:
        yield f"  {section.about}"
    yield from _facts(section.facts, _GAP)
    yield from (f"  - {note}" for note in section.notes)
    for chart in section.charts:
        yield f"  {chart.title}: {chart.about}"
    for table in section.tables:
        yield from _table(table)
    for command, about in section.commands:
        yield f"  {command}  ({about})"


def _facts(facts: Sequence[Fact], indent: str) -> Iterator[str]:
    yield from (f"{indent}{label}: {value}" for label, value, _ in facts)


def _table(table: Table) -> Iterator[str]:
    if not table.rows:
        return
    if table.title:
        yield f"  {table.title}"
    heads = tuple(name for name, _ in table.columns)
    widths = [max(map(len, column)) for column in zip(heads, *table.rows, strict=True)]
    for row in (heads, *table.rows):
        cells = (
            cell.rjust(width) if kind == "number" else cell.ljust(width)
            for cell, width, (_, kind) in zip(row, widths, table.columns, strict=True)
        )
        yield f"    {_GAP.join(cells)}".rstrip()
