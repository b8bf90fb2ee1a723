"""Which pods of a Deployment are needed while its template changes: values in, values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from serving.local.observed import STOPPED, Observed, Phase

# Of the pods of former templates only the best one is worth its memory.
BEST_FIRST = (Phase.READY, Phase.UNHEALTHY, Phase.STARTING, Phase.FAILED, Phase.STOPPED)


@dataclass(frozen=True)
class Pods:
    """The pods that a Deployment needs now: the newest, and an older one that still stands in."""

    newest: str | None = None  # None: no replicas are wanted
    older: str | None = None

    @property
    def needed(self) -> frozenset[str]:
        """Return the pods that must have a process."""
        return frozenset(filter(None, (self.newest, self.older)))

    @property
    def serving(self) -> str | None:
        """Return the pod that the Deployment's requests go to."""
        return self.older or self.newest


def rolled(
    newest: str | None,
    older: Sequence[str],
    observed: Mapping[str, Observed],
    *,
    recreated: bool = False,
) -> Pods:
    """Return the pods that are needed: an older one stays until the newest is ready.

    `older` is in the order of creation. With `recreated` (the strategy Recreate) none stays.
    """
    if newest is None or recreated or not older or ready(newest, observed):
        return Pods(newest)

    def standing(pod: str) -> int:
        return BEST_FIRST.index(observed.get(pod, STOPPED).phase)

    return Pods(newest, min(reversed(older), key=standing))


def ready(pod: str | None, observed: Mapping[str, Observed]) -> bool:
    """Say whether the pod's process answers now."""
    return observed.get(pod or "", STOPPED).phase is Phase.READY
