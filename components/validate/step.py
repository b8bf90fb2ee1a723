"""Validate with files: a table artifact in, findings and a page out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from components import solo_scores, table_facts, telling
from components.errors import FindingsError
from components.report import html
from components.table_schema import read_schema
from components.validate import champion as champions
from components.validate import drift, report, rules
from components.validate.champion import Champion
from components.validate.drift import Known, Seen
from components.validate.rules import Facts, Finding
from serving.errors import KanaryaError
from serving.storage import partial

if TYPE_CHECKING:
    import polars as pl

FINDINGS_FILE = "findings.json"


def run(
    table: Path, page: Path, findings: Path, champion: Champion | None = None
) -> tuple[Finding, ...]:
    """Write the findings (a directory with findings.json) and the HTML report; return the findings.

    `champion`: the version that serves under the model's name, whose data the table is compared
    with. Raises FindingsError, after both were written, with one sentence that names the errors.
    """
    rows = table_facts.look(table)
    facts = facts_of(table, rows)
    known, refused = _known(champion)
    seen = _seen(table, rows, known) if known else Seen()
    drifted = drift.findings(facts, known, seen) if known else refused
    found = rules.worst_first((*rules.findings(facts), *drifted))
    _write(findings, found)
    with partial(page) as unfinished:
        unfinished.write_text(html(report.report(facts, found, known)), "utf-8")
    if sentence := rules.errors_in_one_sentence(found):
        raise FindingsError(sentence)
    for warning in rules.warnings_to_tell(found):
        telling.note(f"warning: {warning}")
    return found


def facts_of(table: Path, rows: pl.DataFrame) -> Facts:
    """Return the numbers that the rules judge; `rows`: those of the table that are looked at."""
    schema = read_schema(table)
    quantity = schema.is_quantity
    return Facts(
        schema=schema,
        classes=() if quantity else table_facts.class_counts(table),
        duplicates=table_facts.duplicate_rows(table),
        solo=(solo_scores.explained if quantity else solo_scores.accuracies)(rows, schema),
        top=table_facts.most_frequent(rows, schema),
        twins=table_facts.twins(rows, schema),
        spellings=table_facts.spellings(rows, schema),
        looked=rows.height,
    )


def _known(champion: Champion | None) -> tuple[Known | None, tuple[Finding, ...]]:
    """Return what the champion learned from, else a finding that says why nobody knows."""
    if champion is None:
        return None, ()
    try:
        return champions.known(champion), ()
    except KanaryaError as error:
        sentence = (
            f"Version {champion.version}, which serves, cannot be compared with this table: {error}"
        )
        return None, (Finding("warning", "champion_unknown", None, {}, sentence),)


def _seen(table: Path, rows: pl.DataFrame, known: Known) -> Seen:
    kinds = {column.name: column.kind for column in read_schema(table).inputs}
    texts = [name for name, kind in kinds.items() if kind == "text"]
    numbers = [name for name, kind in kinds.items() if kind != "text"]
    place = {name: place for place, name in enumerate(rows.columns)}
    listed = {name: words for name, words in known.listed_words().items() if name in texts}
    return Seen(
        strange=table_facts.strange_words(table, listed),
        ranges={
            name: table_facts.shares_up_to(
                rows.to_series(place[name]), sorted(set(known.quantiles(name).values()))
            )
            for name in numbers
        },
        words={
            name: table_facts.shares_of(rows.to_series(place[name]), list(known.words(name)))
            for name in texts
        },
        looked=rows.height,
    )


def _write(directory: Path, found: Iterable[Finding]) -> None:
    text = json.dumps([asdict(finding) for finding in found], indent=2, ensure_ascii=False)
    with partial(directory) as unfinished:
        unfinished.mkdir()
        (unfinished / FINDINGS_FILE).write_text(text + "\n", "utf-8")


def duplicates(found: Iterable[Finding]) -> int:
    """Return how many rows were found to be a row above again."""
    return sum(int(each.numbers["duplicates"]) for each in found if each.check == "duplicates")


def champion_of(name: str, find: Callable[[str], Champion | None]) -> Champion | None:
    """Return the version that serves under a name; None for no name, which asks nobody."""
    return find(name) if name else None
