"""The findings as one page of the same family as the evaluation's (`components.report`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from components.report import Remark, Report, Table
from components.table_schema import TableColumn
from components.validate.drift import Known
from components.validate.finding import LEVELS, Facts, Finding, count

MOST_CLASSES = 50


def report(facts: Facts, found: Sequence[Finding], known: Known | None = None) -> Report:
    """Return the page: the verdict, every finding, the classes, the columns as they were read."""
    schema = facts.schema
    return Report(
        title=f"Validation: {_verdict(found)}",
        lead=f"{count(schema.rows, 'row')}, {count(len(schema.columns), 'column')}, target "
        f"{schema.target} ({schema.target_kind}), from {schema.source} "
        f"(sha256 {schema.sha256:.12}). {_compared(known)}",
        tables=[
            Table("Columns", tuple(_heads(facts, known)), list(_columns(facts, known))),
            Table("Classes", ("class", "rows", "share"), list(_classes(facts)), _shown(facts)),
        ],
        remarks=[Remark(finding.level, finding.sentence) for finding in found],
    )


def _verdict(found: Sequence[Finding]) -> str:
    counts = {level: sum(finding.level == level for finding in found) for level in LEVELS}
    if counts["error"]:
        return f"{count(counts['error'], 'error')}, it cannot be trained on"
    return f"{count(counts['warning'], 'warning')}, {count(counts['note'], 'note')}"


def _compared(known: Known | None) -> str:
    if known is None:
        return "It was compared with no champion."
    return f"It was compared with what version {known.version}, the champion, learned from."


def _heads(facts: Facts, known: Known | None) -> Iterator[str]:
    yield from ("column", "type", "missing", "missing %", "different values", "minimum", "maximum")
    yield from ("most frequent", "its share %")
    yield "alone explains (R²)" if facts.schema.is_quantity else "alone tells %"
    if known:
        yield f"type in version {known.version}"


def _columns(facts: Facts, known: Known | None) -> Iterator[tuple[object, ...]]:
    for column in facts.schema.columns:
        yield (*_column(column, facts), *((_before(column, known),) if known else ()))


def _column(column: TableColumn, facts: Facts) -> tuple[object, ...]:
    schema = facts.schema
    is_target = column.name == schema.target
    value, share = facts.top.get(column.name, (None, None))
    solo = facts.solo.get(column.name)
    return (
        f"{column.name} (target)" if is_target else column.name,
        column.kind,
        column.missing,
        _percent(column.missing / schema.rows),
        column.distinct,
        column.minimum,
        column.maximum,
        None if value is None else str(value),
        _percent(share),
        solo if schema.is_quantity else _percent(solo),
    )


def _before(column: TableColumn, known: Known) -> str | None:
    was = known.column(column.name)
    return was.kind if was else None


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _classes(facts: Facts) -> Iterator[tuple[object, ...]]:
    for label, rows in facts.classes[:MOST_CLASSES]:
        yield str(label), rows, f"{rows / facts.schema.rows:.1%}"


def _shown(facts: Facts) -> str:
    left_out = len(facts.classes) - MOST_CLASSES
    return f"{left_out:,} rarer ones are left out." if left_out > 0 else ""
