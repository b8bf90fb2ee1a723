"""What has come of the shadow so far: a small value that lives in the rollout's state. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from serving.rollout.observation import Shadowed

MOST_EXAMPLES = 3
LONGEST = 160


@dataclass(frozen=True)
class Compared:
    """What both revisions made of one row.

    `canary` and `stable`: the labels they predicted, or why not, with `canary_failed` and
    `stable_failed`. `distance`: half the sum of the differences of the probabilities, 0 to 1;
    None where an answer has none.
    """

    canary: str
    stable: str
    canary_failed: bool = False
    stable_failed: bool = False
    distance: float | None = None

    @property
    def differs(self) -> bool:
        """Say whether both answered, with another label."""
        return self.both and self.canary != self.stable

    @property
    def both(self) -> bool:
        """Say whether both answered."""
        return not (self.canary_failed or self.stable_failed)


@dataclass(frozen=True)
class Tally:
    """The rows that both were asked so far.

    source     where the rows come from, for people
    there      how many rows there are to ask, of those that were wanted
    distance   the sum of the distances of `distances` rows
    trouble    why none can be asked, "" where they can
    """

    shadowed: Shadowed = field(default_factory=Shadowed)
    source: str = ""
    there: int = 0
    distance: float = 0.0
    distances: int = 0
    trouble: str = ""

    @property
    def whole(self) -> bool:
        """Say whether nothing is left to ask."""
        return bool(self.trouble) or self.shadowed.asked >= self.there

    def plus(self, row: Compared) -> Tally:
        """Return the tally with one row more; the first few differences are kept as examples."""
        before = self.shadowed
        examples = before.examples
        if (sentence := _told(before.asked, row)) and len(examples) < MOST_EXAMPLES:
            examples = (*examples, cut(sentence, LONGEST))
        after = Shadowed(
            asked=before.asked + 1,
            rows=before.rows + row.both,
            differ=before.differ + row.differs,
            canary_failed=before.canary_failed + row.canary_failed,
            stable_failed=before.stable_failed + row.stable_failed,
            examples=examples,
        )
        known = row.distance is not None
        distance = self.distance + (row.distance or 0.0)
        return replace(self, shadowed=after, distance=distance, distances=self.distances + known)

    def sentence(self, wanted: int) -> str:
        """Return what was asked, and how far apart the answers are; the judge says the rest."""
        if self.trouble:
            return self.trouble
        found = self.shadowed
        fewer = f" of the {wanted} that were wanted" if found.asked < wanted else ""
        said = f"{found.asked} rows{fewer} were asked of both ({self.source})"
        if not self.distances:
            return said
        return f"{said}, their probabilities {self.distance / self.distances:.3f} apart on average"

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Tally:
        """Return the tally that `dataclasses.asdict` wrote; raises TypeError or KeyError."""
        shadowed = value["shadowed"]
        found = Shadowed(**{**shadowed, "examples": tuple(shadowed["examples"])})
        return cls(**{**value, "shadowed": found})

    def to_json(self) -> dict[str, Any]:
        """Return a short JSON value."""
        return asdict(self)


def cut(text: str, longest: int) -> str:
    """Return the beginning of a sentence; a lone surrogate has no bytes in UTF-8."""
    return text[:longest].encode("utf-8", "replace").decode()


def _told(row: int, found: Compared) -> str:
    if found.differs:
        return f"row {row}: {found.canary} (canary), {found.stable} (stable)"
    if found.canary_failed:
        return f"row {row}: the canary failed ({found.canary})"
    return f"row {row}: the stable revision failed ({found.stable})" if found.stable_failed else ""
