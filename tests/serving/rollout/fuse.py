"""A world whose effects are numbered, and whose n-th effect meets its fate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from serving.errors import PlatformError
from serving.isvc.services import Unreachable
from serving.rollout.ledger import LedgerError
from serving.rollout.observation import NotMeasured
from serving.rollout.world import World


class Killed(BaseException):
    """As deaf to `except Exception` as a kill -9."""


class Fate(StrEnum):
    """What becomes of the effect."""

    KILLED_BEFORE = "killed before it"
    KILLED_AFTER = "killed after it"
    NEVER_MADE = "never made, an error instead"
    ANSWER_LOST = "made, an error in the place of its answer"
    CONFLICT = "somebody else was quicker"


EFFECTS = {
    "services": ("get", "create", "patch"),
    "recorder": ("promoted", "rolled_back"),
    "ledger": ("append",),
    "source": ("observe",),
    "shadow": ("ask",),
}
ERRORS: dict[str, Exception] = {
    "services": Unreachable("cannot reach the Kubernetes API"),
    "recorder": PlatformError("cannot reach the registry"),
    "ledger": LedgerError("iris: its ledger cannot be written (disk full)"),
}


@dataclass
class Fuse:
    """Counts the effects of a story, and burns at the n-th one; `names` tells which they were."""

    at: int = 0
    fate: Fate = Fate.KILLED_BEFORE
    meddle: Callable[[], object] = lambda: None
    names: list[str] = field(default_factory=list)

    def around(self, name: str, effect: Callable[..., Any]) -> Callable[..., Any]:
        part = name.partition(".")[0]

        def guarded(*args: Any) -> Any:
            self.names.append(name)
            if len(self.names) != self.at:
                return effect(*args)
            return self._met(part, lambda: effect(*args))

        return guarded

    def _met(self, part: str, effect: Callable[[], Any]) -> Any:
        if self.fate is Fate.KILLED_BEFORE:
            raise Killed
        if self.fate is Fate.CONFLICT:
            self.meddle()
            return effect()
        if self.fate is not Fate.NEVER_MADE:
            effect()
        if self.fate is Fate.KILLED_AFTER:
            raise Killed
        if part in ("source", "shadow"):
            return NotMeasured("it does not answer")
        raise ERRORS[part]


class Burning:
    """Any of the world's parts, its effects on a fuse."""

    def __init__(self, whole: Any, fuse: Fuse, part: str) -> None:
        self._whole = whole
        for effect in EFFECTS[part]:
            setattr(self, effect, fuse.around(f"{part}.{effect}", getattr(whole, effect)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)


def burning(world: World, fuse: Fuse) -> World:
    """The same world with every effect on the fuse: reads, writes, waiting and telling."""
    parts = {part: Burning(getattr(world, part), fuse, part) for part in EFFECTS}
    return replace(
        world,
        **parts,
        sleep=fuse.around("sleep", world.sleep),
        report=fuse.around("report", world.report),
    )


def can_meet(fate: Fate, name: str) -> bool:
    """Say whether an effect can meet a fate."""
    part = name.partition(".")[0]
    if fate in (Fate.KILLED_BEFORE, Fate.KILLED_AFTER):
        return True
    if fate is Fate.CONFLICT:
        return name == "services.patch"
    if fate is Fate.ANSWER_LOST:
        return part in ERRORS and name != "services.get"
    return part in EFFECTS
