"""The findings as one HTML page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from string import Template

from components.table_schema import TableColumn, TableSchema
from components.validate.rules import Facts, Finding
from serving.pages.page import style

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Validation of $source</title>
<style>$style</style>
</head>
<body>
<h1>$verdict</h1>
<p>$rows rows, $columns columns, target <b>$target</b> ($kind).
Source <code>$source</code>, sha256 <code>$sha256</code>.</p>
<h2>Findings</h2>
$findings
$classes
<h2>Columns</h2>
$table
</body>
</html>
""")


def page(facts: Facts, found: Iterable[Finding]) -> str:
    """Return the page; every value that came from the data is escaped."""
    found, schema = tuple(found), facts.schema
    return _PAGE.substitute(
        style=style(),
        verdict=_verdict(found),
        source=escape(schema.source),
        sha256=escape(schema.sha256),
        rows=f"{schema.rows:,}",
        columns=f"{len(schema.columns):,}",
        target=escape(schema.target),
        kind=escape(schema.target_kind),
        findings=_findings(found),
        classes=_classes(facts),
        table=_table(_COLUMN_HEADS, (_column_row(column, schema) for column in schema.columns)),
    )


_COLUMN_HEADS = ("Column", "Kind", "#Missing", "#Different values", "#Minimum", "#Maximum")


def _verdict(found: tuple[Finding, ...]) -> str:
    counts = {
        level: sum(finding.level == level for finding in found) for level in ("error", "warning")
    }
    if counts["error"]:
        return f"The table cannot be trained on: {counts['error']} error(s)"
    return f"The table can be trained on: {counts['warning']} warning(s)"


def _findings(found: tuple[Finding, ...]) -> str:
    if not found:
        return "<p>Nothing was found.</p>"
    rows = (
        f'<tr><td class="level {finding.level}">{finding.level}</td>'
        f"<td>{escape(finding.sentence)}</td></tr>"
        for finding in found
    )
    return f'<div class="wide"><table>{"".join(rows)}</table></div>'


def _classes(facts: Facts) -> str:
    if facts.schema.is_quantity:
        return ""
    return f"<h2>Classes</h2>{_table(('Class', '#Rows', '#Share'), _class_rows(facts))}"


def _class_rows(facts: Facts) -> Iterable[tuple[str, ...]]:
    for label, rows in facts.classes:
        yield str(label), f"{rows:,}", f"{rows / facts.schema.rows:.1%}"


def _column_row(column: TableColumn, schema: TableSchema) -> tuple[str, ...]:
    name = f"{column.name} (target)" if column.name == schema.target else column.name
    limits = (column.minimum, column.maximum)
    shown = ("" if limit is None else f"{limit:,.6g}" for limit in limits)
    return name, column.kind, f"{column.missing:,}", f"{column.distinct:,}", *shown


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table; a head that starts with # is of numbers, which stand to the right."""
    classes = [' class="number"' if head.startswith("#") else "" for head in heads]
    head = _row("th", classes, (each.removeprefix("#") for each in heads))
    body = "".join(_row("td", classes, row) for row in rows)
    return f'<div class="wide"><table>{head}{body}</table></div>'


def _row(tag: str, classes: list[str], cells: Iterable[str]) -> str:
    inside = (
        f"<{tag}{css}>{escape(cell)}</{tag}>" for css, cell in zip(classes, cells, strict=True)
    )
    return f"<tr>{''.join(inside)}</tr>"
