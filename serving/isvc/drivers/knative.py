"""KServe's Knative mode: `spec.predictor.canaryTrafficPercent`.

The rules are facts from KServe's controller:

* storageUri and percent travel in one patch; a percent below 100 alone means *roll back* after a
  promotion, and a uri alone sends everything to the new revision.
* A rollback is percent 0 alone. Going back to the old manifest would give the bad canary all of
  the traffic until the new revision is ready.
* A rollout begins at 0 %. Knative's `latestRevision` means the latest *ready* one, so 10 % from
  the start would go to the canary that was rolled back last time, until the new one is up.
* Whatever changes the revision's template makes a new revision, which takes the canary's share
  unjudged. An annotation of ours does, unless KServe's configuration keeps it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.isvc.drivers.protocol import Asked, Spec
from serving.isvc.drivers.reading import Reading, said
from serving.isvc.resource import LIVE_VERSION, ROLLOUT, ServiceView

_STRAY = 2


class KnativeDriver(Reading):
    """Traffic between Knative's latest ready revision and the one that is rolled out."""

    def begin(self, view: ServiceView, uri: str, percent: int | None) -> Spec:
        """Return uri and percent in one change; a merge patch needs None to take a percent away."""
        return _predictor({"model": {"storageUri": uri}, "canaryTrafficPercent": percent})

    def set_percent(self, view: ServiceView, percent: int) -> Spec:
        """Return the percent alone; the uri is the canary's already."""
        return _predictor({"canaryTrafficPercent": percent})

    def promote(self, view: ServiceView) -> Spec:
        """Return the removal of the percent; a 100 left behind would skip the next canary."""
        return _predictor({"canaryTrafficPercent": None})

    def roll_back(self, view: ServiceView) -> Spec:
        """Return percent 0 and nothing else."""
        return _predictor({"canaryTrafficPercent": 0})

    def requested(self, view: ServiceView) -> tuple[str, int | None]:
        """Return storageUri and canaryTrafficPercent."""
        return view.storage_uri, view.canary_percent

    def difference(self, view: ServiceView, asked: Asked) -> str | None:
        """Return what differs of uri and percent; a canary taken out stands there with 0 %."""
        uri, percent = self.requested(view)
        if uri != asked.uri:
            return f"its storageUri is {uri}, this rollout set {asked.uri}"
        if percent != asked.percent:
            return f"its canary percent is {said(percent)}, this rollout set {said(asked.percent)}"
        return None

    def in_the_way(self, view: ServiceView) -> str | None:
        """Return whose percent it is that a new rollout would overwrite."""
        percent = view.canary_percent
        if percent in (None, 0, 100) or not view.rolled_out:
            return None
        return (
            f"a canary that is no rollout of ours has {percent} % of the traffic. "
            "Promote it or set its percent to 0 first"
        )

    def unasked(self, view: ServiceView, before: str, canary: str) -> str | None:
        """Return the sentence on further new revisions: a rollout makes one, by its first patch.

        Until that one is known another may be of a rollout that was given up just before.
        """
        newest = _number(canary) or (_number(before) + _STRAY if _number(before) else 0)
        if not newest or _number(view.latest_created) <= newest:
            return None
        return (
            f"{view.latest_created} was made beside it with the same model, and would get its "
            "traffic; either somebody changed the predictor meanwhile, or KServe copies our "
            f"annotations into the revisions: put {ROLLOUT} and {LIVE_VERSION} into "
            "serviceAnnotationDisallowedList of its ConfigMap inferenceservice-config"
        )


def _predictor(change: Mapping[str, Any]) -> Spec:
    return {"predictor": dict(change)}


def _number(revision: str) -> int:
    """Return the number at the end of a revision's name: `iris-predictor-00003` is 3."""
    digits = revision.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0
