"""What a rollout asks of a driver, and what it says that it has asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from serving.isvc.resource import ServiceView

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """What a rollout has written into the spec.

    percent     the canary's; None where `uri` is to have everything
    stable_uri  what stands beside the canary, None where nobody knows
    taken_out   whether the canary was taken out again
    """

    uri: str
    percent: int | None
    stable_uri: str | None = None
    taken_out: bool = False


class Driver(Protocol):
    """One way to split traffic between a stable and a canary revision."""

    def begin(self, view: ServiceView, uri: str, percent: int | None) -> Spec:
        """Return the spec change that adds a canary; percent None where nothing is live yet."""

    def set_percent(self, view: ServiceView, percent: int) -> Spec:
        """Return the spec change that gives the canary `percent` of the traffic."""

    def promote(self, view: ServiceView) -> Spec:
        """Return the spec change that makes the canary the stable revision."""

    def roll_back(self, view: ServiceView) -> Spec:
        """Return the spec change that gives the stable revision everything, at once."""

    def requested(self, view: ServiceView) -> tuple[str, int | None]:
        """Return the newest model's uri and the percent that the spec asks for."""

    def difference(self, view: ServiceView, asked: Asked) -> str | None:
        """Return what in the spec is not as it was asked for: somebody changed it by hand."""

    def in_the_way(self, view: ServiceView) -> str | None:
        """Return why no rollout may begin beside what the spec asks for, and the remedy."""

    def canary_revision(self, view: ServiceView) -> str:
        """Return the newest revision, "" before there is one."""

    def stable_revision(self, view: ServiceView) -> str:
        """Return the revision that is rolled out, "" before the first one is."""

    def previous_revision(self, view: ServiceView) -> str:
        """Return the revision that a rollback after a promotion goes to, "" if there is none."""

    def canary_ready(self, view: ServiceView) -> bool:
        """Say whether the newest revision can take traffic."""

    def canary_failed(self, view: ServiceView) -> str | None:
        """Return why the newest revision will not come up, None while it may."""

    def unasked(self, view: ServiceView, before: str, canary: str) -> str | None:
        """Return what is wrong if revisions were made that no rollout asked for, else None.

        `before` is the newest revision before the rollout began, `canary` the rollout's own; ""
        where there is none, or none yet.
        """

    def live_split(self, view: ServiceView) -> Mapping[str, int]:
        """Return the percent of the traffic that each revision gets at this moment."""

    def addresses(self, view: ServiceView) -> Mapping[str, str]:
        """Return where each revision answers by itself, whatever its share; "" where unknown."""
