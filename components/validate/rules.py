"""What is wrong with a table: facts in, findings out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from components.validate import column_rules, target_rules
from components.validate.column_rules import DUPLICATES_WARNING
from components.validate.finding import LEVELS, Facts, Finding, Found
from components.validate.target_rules import IMBALANCE

__all__ = [
    "DUPLICATES_WARNING",
    "IMBALANCE",
    "LEVELS",
    "Facts",
    "Finding",
    "errors_in_one_sentence",
    "findings",
    "warnings_to_tell",
    "worst_first",
]

TOLD = 10
"""Sentences that a log or an error message carries; the report has them all."""

_CHECKS: tuple[Callable[[Facts], Found], ...] = (*target_rules.CHECKS, *column_rules.CHECKS)


def findings(facts: Facts) -> tuple[Finding, ...]:
    """Return everything that was found in the table itself, the worst first."""
    return worst_first(finding for check in _CHECKS for finding in check(facts))


def worst_first(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by level, within a level as they came."""
    return tuple(sorted(found, key=lambda finding: LEVELS.index(finding.level)))


def errors_in_one_sentence(found: Iterable[Finding]) -> str | None:
    """Return one sentence that names the errors; None where there are none."""
    errors = [finding.sentence.rstrip(".") for finding in found if finding.level == "error"]
    if not errors:
        return None
    return f"The table cannot be trained on: {'; '.join(_shortened(errors, 'error'))}."


def warnings_to_tell(found: Iterable[Finding]) -> list[str]:
    """Return what the log should say of the warnings."""
    warnings = [finding.sentence for finding in found if finding.level == "warning"]
    return _shortened(warnings, "warning")


def _shortened(sentences: Sequence[str], what: str) -> list[str]:
    left_out = len(sentences) - TOLD
    more = f"{what} is" if left_out == 1 else f"{what}s are"
    rest = [f"{left_out:,} more {more} in the report"] if left_out > 0 else []
    return [*sentences[:TOLD], *rest]
