"""What the gate says: sentences with the numbers that speak for them."""

from __future__ import annotations

import math

from components.gate.comparison import Finding, Outcome
from components.gate.evidence import Guarded
from components.gate.policy import ChampionPolicy
from components.metrics import LOWER_IS_BETTER

LEAST_SHOWN, MOST_SHOWN = 0.001, 1e12

OTHERWISE = {
    "measured": "what was measured decides",
    "reject": "the spec rejects then",
    "accept": "the spec accepts then",
}


def shown(value: float) -> str:
    """Return a number with at most four decimals; a tiny or huge one with its leading digits."""
    if not math.isfinite(value):
        return str(value)
    if 0 < abs(value) < LEAST_SHOWN or abs(value) >= MOST_SHOWN:  # an error in such a unit
        return f"{value:.4g}"
    return f"{value:.4f}".rstrip("0").rstrip(".")


def comparison(policy: ChampionPolicy, values: tuple[float, float], version: str) -> str:
    """Return how the measured values of candidate and champion compare."""
    reached = policy.is_reached(*values)
    if policy.require == "better":
        word, allowed = "better" if reached else "not better", ""
    else:
        word = "not worse" if reached else "worse"
        allowed = f" by more than {shown(policy.margin)}" if policy.margin else ""
    value, theirs = map(shown, values)
    return (
        f"{policy.metric} {value} is {word} than the champion's {theirs} "
        f"(version {version}){allowed}, on the same test rows."
    )


def open_question(policy: ChampionPolicy, found: Finding) -> bool:
    """Return whether the rows do not tell what the policy asks."""
    if found.outcome is Outcome.NON_INFERIOR:
        return policy.require == "better"
    return found.outcome is Outcome.CANNOT_TELL


def evidence(policy: ChampionPolicy, found: Finding) -> str:
    """Return what the rows say, and what follows where they do not tell."""
    test = "" if found.p_value is None else f", McNemar p {shown(found.p_value)}"
    said = f"{_between(found)} on {found.rows} rows{test}"
    if not open_question(policy, found):
        return f"{said}: it is shown {_proven(found.outcome, policy.margin)}."
    question = "better" if policy.require == "better" else _worse(policy.margin)
    follows = OTHERWISE[policy.on_cannot_tell]
    return f"{said}: too few to tell whether it is {question}{_needs(found)}; {follows}."


def _proven(outcome: Outcome, margin: float) -> str:
    """Return an outcome that is no open question in words."""
    if outcome is Outcome.BETTER:
        return "to be better"
    return f"{'' if outcome is Outcome.WORSE else 'not '}to be {_worse(margin)}"


def _worse(margin: float) -> str:
    return f"worse by more than {shown(margin)}" if margin else "worse"


def _needs(found: Finding) -> str:
    if found.needs_rows is None:
        return ""
    return f", which needs about {rounded(found.needs_rows):,} rows"


def rounded(rows: int) -> int:
    """Return a number of rows to two digits, upwards: more would pretend to be exact."""
    unit = int(10 ** max(len(str(rows)) - 2, 0))
    return -(-rows // unit) * unit


def _between(found: Finding) -> str:
    """Return the difference in words: an improvement of 0 or below is none."""
    low, high = shown(found.low), shown(found.high)
    difference = shown(abs(found.improvement))
    if float(difference) == 0:
        return f"As good as it, {low} to {high} better (alpha {found.alpha:.2g})"
    if found.improvement < 0:
        return f"Worse by {difference}, {low} to {high} better (alpha {found.alpha:.2g})"
    return f"Better by {difference}, {low} to {high} (alpha {found.alpha:.2g})"


def part(given: Guarded, found: Finding, policy: ChampionPolicy) -> str:
    """Return what the rows of one part say about the limit that guards it."""
    guard = given.guard
    name = f"{guard.column} = {given.value}"
    value = "?" if given.measured is None else shown(given.measured)
    if guard.floor is not None:
        word = "at most" if guard.metric in LOWER_IS_BETTER else "at least"
        asked = f"{word} {shown(guard.floor)} is asked"
    else:
        asked = f"a loss of {shown(guard.max_drop or 0.0)} to the champion is allowed"
    verdicts = {
        Outcome.WORSE: "it is shown to be worse",
        Outcome.CANNOT_TELL: f"too few rows to tell{_needs(found)}",
    }
    told = verdicts.get(found.outcome, "it is shown to hold")
    follows = "the spec rejects then" if policy.on_cannot_tell == "reject" else "it passes"
    end = f"; {follows}" if found.outcome is Outcome.CANNOT_TELL else ""
    return f"{name}: {guard.metric} {value}, {asked}; {_margin(guard.floor, found)}: {told}{end}."


def _margin(floor: float | None, found: Finding) -> str:
    than = "the champion" if floor is None else "the limit"
    low, high = shown(found.low), shown(found.high)
    return f"better than {than} by {low} to {high} on {found.rows} rows (alpha {found.alpha:.2g})"
