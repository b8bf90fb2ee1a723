"""Where the numbers of a rollout come from. A source that cannot tell says so; it never guesses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from serving.isvc.resource import ServiceView
from serving.rollout.observation import NotMeasured, Observation

Addresses = Callable[[ServiceView], Mapping[str, str]]
"""Gives the base URL of each revision of a service, "" where it has none."""


class Source(Protocol):
    """Something that counts requests by revision."""

    def observe(self, view: ServiceView, now: float) -> Observation | NotMeasured:
        """Return the counters of the service's revisions as they are at this moment."""


def tag_addresses(view: ServiceView) -> dict[str, str]:
    """Return the addresses of the tags, by which a revision is asked whatever the split is."""
    found = {target.revision: "" for target in view.traffic}
    found.update({target.revision: target.url for target in view.traffic if target.url})
    return found


def idle(view: ServiceView) -> set[str]:
    """Return the revisions that get no traffic, of which no numbers are needed."""
    busy = {target.revision for target in view.traffic if target.percent}
    return {target.revision for target in view.traffic} - busy
