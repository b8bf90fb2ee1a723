"""What the card says of the version itself: its data, its gate, how it is served. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.pages.content import Columns, Fact, Kind, Section, Table
from serving.rollout.card import words

_CHECKS: Columns = (
    ("check", "text"),
    ("metric", "text"),
    ("candidate", "number"),
    ("limit", "number"),
    ("verdict", "level"),
    ("in words", "text"),
)
_LEVEL_FIRST: Columns = (("level", "level"), ("finding", "text"))


def data(decision: Mapping[str, Any]) -> Section:
    """Return what is recorded of the data that the version was trained on."""
    found = decision.get("data", {})
    counted: list[Fact] = [
        (label, words.number(found[key]), "text")
        for label, key in (("Rows for training", "rows"), ("Columns", "columns"))
        if key in found
    ]
    named: list[Fact] = [
        (label, str(found[key]), "code")
        for label, key in (("Source", "source"), ("sha256", "sha256"))
        if key in found
    ]
    rows = tuple((each["level"], each["sentence"]) for each in found.get("findings", ()))
    about = "Validation found nothing." if found.get("findings") == [] else ""
    table = Table("What validation found", _LEVEL_FIRST, rows)
    return Section("Data", about, facts=(*counted, *named), tables=(table,))


def gate(decision: Mapping[str, Any]) -> Section:
    """Return what the gate compared before the version was registered."""
    found = decision.get("gate", {})
    about = f"The gate {found['verdict']} it." if "verdict" in found else ""
    checks = tuple(_check(each) for each in found.get("checks", ()))
    told = [each.get("sentence") for each in found.get("checks", ())]
    notes = tuple(reason for reason in found.get("reasons", ()) if reason not in told)
    tables = (Table("", _CHECKS, checks), _scores(found))
    return Section("Gate", about, notes=notes, tables=tables)


def _check(check: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(check.get("name", "")),
        str(check.get("metric") or "–"),
        words.number(check.get("value")),
        words.number(check.get("limit")),
        "passed" if check.get("passed") else "failed",
        str(check.get("sentence", "")),
    )


def _scores(found: Mapping[str, Any]) -> Table:
    """Return every metric of the candidate beside the champion's on the same rows."""
    candidate, champion = found.get("candidate") or {}, found.get("champion") or {}
    theirs = champion.get("metrics") or {}
    columns: list[tuple[str, Kind]] = [("metric", "text"), ("candidate", "number")]
    if theirs:
        columns.append((f"champion (version {champion.get('version')})", "number"))
    rows = tuple(
        (name, words.number(value), *([words.number(theirs.get(name))] if theirs else []))
        for name, value in sorted(candidate.items())
    )
    on = f" on {words.number(found['rows'])} test rows" if "rows" in found else ""
    return Table(f"Scores{on}", tuple(columns), rows)


def served(decision: Mapping[str, Any]) -> Section:
    """Return what answers for the version."""
    found = decision.get("servability", {})
    labels = found.get("labels", ())
    answers = {"onnx": "ONNX Runtime", "skops": "scikit-learn (skops)"}
    known = {
        "Model": found.get("kind"),
        "Answered by": answers.get(found.get("runtime", ""), found.get("runtime")),
        "ONNX operator set": found.get("opset"),
        "Columns": found.get("columns"),
        "Labels": ", ".join(map(str, labels[:12])) + (" …" if len(labels) > 12 else ""),
        "Requests in one call": found.get("requests_together"),
        "Packaged": found.get("created_at"),
        "Libraries": ", ".join(f"{k} {v}" for k, v in found.get("libraries", {}).items()),
        **_measured(found.get("measured", {})),
    }
    facts: list[Fact] = [(key, str(value), "text") for key, value in known.items() if value]
    return Section("Servability", facts=tuple(facts))


def _measured(found: Mapping[str, float]) -> dict[str, str]:
    """Return what serving it was like before it was registered."""
    told = {
        "Golden rows answered": ("golden_rows", "{:.0f}, as they were packaged"),
        "Ready after": ("start_s", "{:.2f} s"),
        "Time to an answer, median": ("p50_ms", "{:.2f} ms"),
        "Time to an answer, 99 %": ("p99_ms", "{:.2f} ms"),
        "Memory": ("memory_mb", "{:.0f} MB"),
        "Memory of its own share": ("memory_pss_mb", "{:.0f} MB"),
    }
    return {label: form.format(found[key]) for label, (key, form) in told.items() if key in found}
