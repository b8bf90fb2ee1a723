"""What a candidate must show, checked: a form of Kubeflow Pipelines takes any number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from components.gate import bootstrap
from components.gate.comparison import Question
from components.metrics import LOWER_IS_BETTER
from components.nearest import instead
from serving.errors import UsageError

REQUIRE = ("better", "non_inferior")
LIMITS = ("floor", "max_drop")
EVIDENCE = ("alpha", "power", "require", "on_cannot_tell")
ON_CANNOT_TELL = ("measured", "reject", "accept")


@dataclass(frozen=True)
class SliceGuard:
    """A limit for the rows with a value in a column; without a value for every part of it.

    `floor`: the lowest value of the metric (of errors: the highest). `max_drop`: how much worse
    than the champion on the same rows. One of the two is given.
    """

    column: str
    metric: str
    value: str | None = None
    floor: float | None = None
    max_drop: float | None = None


@dataclass(frozen=True)
class ChampionPolicy:
    """How the candidate must compare with the champion; an empty `metric` switches it off.

    `margin`: how much worse is still accepted. `alpha`: how often chance may deceive the gate.
    `power`: share of the cases for which the told number of rows is enough. `require`: better, or
    non_inferior (not worse by more than the margin). `on_cannot_tell`: where the rows are too few
    to tell, measured (the measured difference decides), reject or accept. `seed` of the drawing.
    """

    metric: str = "accuracy"
    margin: float = 0.0
    alpha: float = 0.05
    power: float = 0.8
    require: str = "non_inferior"
    on_cannot_tell: str = "measured"
    seed: int = 0

    def question(self, parts: int = 1, margin: float | None = None) -> Question:
        """Return what is asked of the rows, with alpha shared by so many parts (Bonferroni)."""
        if margin is not None:
            return Question(margin, self.alpha / parts, self.power)
        return Question(self.margin, self.alpha / parts, self.power, self.require == "better")

    def limit(self, theirs: float) -> float:
        """Return the value that is asked for beside the champion's."""
        allowed = 0.0 if self.require == "better" else self.margin
        return theirs + allowed if self.metric in LOWER_IS_BETTER else theirs - allowed

    def is_reached(self, value: float, theirs: float) -> bool:
        """Return whether a measured value is what is asked for, chance left aside."""
        limit = self.limit(theirs)
        worse = value - limit if self.metric in LOWER_IS_BETTER else limit - value
        hair = bootstrap.hair(self.metric, limit)
        return worse < -hair if self.require == "better" else worse <= hair


@dataclass(frozen=True)
class GatePolicy:
    """What a candidate must reach.

    `floor`: the lowest value of a metric (of errors: the highest).
    """

    floor: Mapping[str, float]
    champion: ChampionPolicy = field(default_factory=ChampionPolicy)
    slices: tuple[SliceGuard, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object (a dict), as `decision.json` holds it."""
        return {
            "floor": dict(self.floor),
            "champion": asdict(self.champion),
            "slices": [asdict(guard) for guard in self.slices],
        }


def checked(policy: GatePolicy) -> GatePolicy:
    """Return the policy; raise `UsageError` for a number or a word that none can be judged by."""
    asked = policy.champion
    for metric, limit in policy.floor.items():
        if not math.isfinite(limit):
            raise UsageError(f"gate.floor.{metric} = {limit} must be a finite number.")
    limits = (
        ("margin", asked.margin, 0.0, 1e12),
        ("alpha", asked.alpha, 1e-6, 0.5),
        ("power", asked.power, 0.5, 0.999),
    )
    for name, value, low, high in limits:
        if not low <= value <= high:
            raise UsageError(f"gate.champion.{name} = {value} must be from {low:g} to {high:g}.")
    for name, word, known in (
        ("require", asked.require, REQUIRE),
        ("on_cannot_tell", asked.on_cannot_tell, ON_CANNOT_TELL),
    ):
        if word not in known:
            raise UsageError(f"gate.champion.{name} = {word!r}; {instead(word, known)}.")
    return policy


def champion(metric: str, margin: float, evidence: Mapping[str, Any], seed: int) -> ChampionPolicy:
    """Return how to compare with the champion; `evidence` as a form gives it.

    Raises `UsageError` for a key that is none.
    """
    for key in evidence.keys() - EVIDENCE:
        name = str(key)
        raise UsageError(f"gate.champion.{name} is not a known key; {instead(name, EVIDENCE)}.")
    given = dict(evidence)
    try:
        numbers: dict[str, float] = {k: float(given[k]) for k in ("alpha", "power") if k in given}
    except (TypeError, ValueError) as error:
        raise UsageError(f"gate.champion: alpha and power are numbers ({error}).") from error
    return ChampionPolicy(metric, margin, seed=seed, **{**given, **numbers})


def guards(given: Sequence[Mapping[str, Any]], metric: str) -> tuple[SliceGuard, ...]:
    """Return the guards that a spec lists; `metric` is of those that name none.

    Raises `UsageError` for one that is not a guard.
    """
    return tuple(_guard(number, entry, metric) for number, entry in enumerate(given))


def _guard(number: int, given: Mapping[str, Any], metric: str) -> SliceGuard:
    where, known = f"gate.slices.{number}", [each.name for each in fields(SliceGuard)]
    entry = {key: value for key, value in dict(given).items() if value is not None}
    for key in entry.keys() - set(known):
        raise UsageError(f"{where}: {key!r} is not a known key; {instead(str(key), known)}.")
    if not entry.get("column"):
        raise UsageError(f"{where}.column is missing; name the column whose parts are guarded.")
    if ("floor" in entry) == ("max_drop" in entry):
        raise UsageError(f"{where}: give one of floor and max_drop.")
    if "value" in entry:
        entry["value"] = str(entry["value"])
    try:
        limits: dict[str, float] = {k: float(entry[k]) for k in LIMITS if k in entry}
    except (TypeError, ValueError) as error:
        raise UsageError(f"{where}: floor and max_drop are numbers ({error}).") from error
    if not 0 <= limits.get("max_drop", 0.0) <= 1e12:
        raise UsageError(f"{where}.max_drop = {limits['max_drop']} must be from 0 to 1e12.")
    return SliceGuard(**{"metric": metric, **entry, **limits})
