"""An evaluation report as one HTML file: no script, no link, pictures inside."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

from serving.figures import figure
from serving.pages.page import style

CELL_LENGTH = 64


@dataclass(frozen=True)
class Table:
    """Columns and rows of a table; numbers are shown to four digits and set to the right."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    about: str = ""


@dataclass(frozen=True)
class Picture:
    """A PNG and what it shows."""

    title: str
    png: bytes


@dataclass(frozen=True)
class Remark:
    """A sentence about what was found, and how bad it is: error, warning or note."""

    level: str
    sentence: str


@dataclass(frozen=True)
class Report:
    """What a report says, top to bottom."""

    title: str
    lead: str
    tables: Sequence[Table]
    pictures: Sequence[Picture] = ()
    notes: Sequence[str] = ()
    remarks: Sequence[Remark] = ()
    drawing: str = ""
    """SVG, put in as it is."""

    def with_pictures(self, pictures: Sequence[Picture]) -> Report:
        """Return the same report with these pictures."""
        return replace(self, pictures=pictures)


def html(report: Report) -> str:
    """Return the page; every name and value in it is escaped."""
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(report.title)}</title><style>{style()}</style></head><body>",
        f'<h1>{escape(report.title)}</h1><p class="lead">{escape(report.lead)}</p>',
        *(f'<p class="note">{escape(note)}</p>' for note in report.notes),
        _remarks(report.remarks),
        f'<figure class="picture">{report.drawing}</figure>' if report.drawing else "",
        *map(_table, report.tables[:1]),
        *map(_picture, report.pictures),
        *map(_table, report.tables[1:]),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _remarks(remarks: Sequence[Remark]) -> str:
    rows = "".join(
        f'<tr><td class="level {escape(remark.level)}">{escape(remark.level)}</td>'
        f"<td>{escape(remark.sentence)}</td></tr>"
        for remark in remarks
    )
    return f"<h2>Findings</h2><table><tbody>{rows}</tbody></table>" if rows else ""


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    numeric = [
        any(_is_number(row[place]) for row in table.rows) for place in range(len(table.columns))
    ]
    head = "".join(_cell("th", name, n) for name, n in zip(table.columns, numeric, strict=True))
    head = f"<thead><tr>{head}</tr></thead>"
    body = "".join(f"<tr>{_row(row, numeric)}</tr>" for row in table.rows)
    about = f"<p>{escape(table.about)}</p>" if table.about else ""
    title = f"<h2>{escape(table.title)}</h2>"
    return f'{title}{about}<div class="wide"><table>{head}<tbody>{body}</tbody></table></div>'


def _row(row: Sequence[object], numeric: Sequence[bool]) -> str:
    return "".join(_cell("td", value, n) for value, n in zip(row, numeric, strict=True))


def _cell(tag: str, value: object, numeric: bool) -> str:
    kind = ' class="number"' if numeric else ""
    return f"<{tag}{kind}>{escape(shown(value))}</{tag}>"


def shown(value: object) -> str:
    """Return a value as a reader wants it: four digits, a dash for nothing, no endless text."""
    if value is None:
        return "–"
    text = figure(value) if isinstance(value, float) else str(value)
    return text if len(text) <= CELL_LENGTH else f"{text[: CELL_LENGTH - 1]}…"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _picture(picture: Picture) -> str:
    data = base64.b64encode(picture.png).decode()
    title = escape(picture.title, quote=True)
    return (
        f'<figure class="picture"><img alt="{title}" src="data:image/png;base64,{data}"></figure>'
    )
