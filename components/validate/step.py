"""Validate with files: a table artifact in, findings and a page out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from components import table_facts, telling
from components.errors import FindingsError
from components.table_schema import read_schema
from components.validate import report as pages
from components.validate import rules
from components.validate.rules import Facts, Finding
from serving.storage import partial

FINDINGS_FILE = "findings.json"


def run(table: Path, report: Path, findings: Path) -> tuple[Finding, ...]:
    """Write the findings (a directory with findings.json) and the HTML report; return the findings.

    Raises FindingsError, after both were written, with one sentence that names all errors.
    """
    facts = facts_of(table)
    found = rules.findings(facts)
    with partial(findings) as unfinished:
        unfinished.mkdir()
        text = json.dumps([asdict(finding) for finding in found], indent=2, ensure_ascii=False)
        (unfinished / FINDINGS_FILE).write_text(text + "\n", "utf-8")
    with partial(report) as unfinished:
        unfinished.write_text(pages.page(facts, found), "utf-8")
    if sentence := rules.errors_in_one_sentence(found):
        raise FindingsError(sentence)
    for finding in found:
        if finding.level == "warning":
            telling.note(f"warning: {finding.sentence}")
    return found


def facts_of(table: Path) -> Facts:
    """Return the numbers that the rules judge."""
    schema, duplicates = read_schema(table), table_facts.duplicate_rows(table)
    if schema.is_quantity:
        return Facts(schema, (), duplicates, table_facts.solo_correlations(table))
    return Facts(
        schema=schema,
        classes=table_facts.class_counts(table),
        duplicates=duplicates,
        solo=table_facts.solo_accuracies(table),
    )
