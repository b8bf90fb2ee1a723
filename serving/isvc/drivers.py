"""How one rollout step becomes a change of the InferenceService: pure functions from view to spec.

`Driver` is the seam for KServe's second canary mechanism (`spec.canary[]`, Standard mode).
`KnativeDriver` speaks `canaryTrafficPercent`. Its rules (facts from KServe's controller):

* storageUri and percent travel in one patch; a percent below 100 alone means *roll back* after a
  promotion, and a uri alone sends everything to the new revision.
* A rollback is percent 0 alone. Going back to the old manifest would give the bad canary all of
  the traffic until the new revision is ready.
* A rollout begins at 0 %. Knative's `latestRevision` means the latest *ready* one, so 10 % from
  the start would go to the canary that was rolled back last time, until the new one is up.
* The Ready condition flips during every rollout while the old revision serves on, so nothing here
  looks at it: the revisions and the live traffic block are compared instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

from serving.isvc.resource import ServiceView

Spec = Mapping[str, Any]


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

    def live_split(self, view: ServiceView) -> Mapping[str, int]:
        """Return the percent of the traffic that each revision gets at this moment."""

    def addresses(self, view: ServiceView) -> Mapping[str, str]:
        """Return the base url of each revision, whatever its share of the traffic."""


class KnativeDriver:
    """KServe's Knative mode: `spec.predictor.canaryTrafficPercent`."""

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

    def canary_revision(self, view: ServiceView) -> str:
        """Return the latest created revision."""
        return view.latest_created

    def stable_revision(self, view: ServiceView) -> str:
        """Return the latest rolled-out revision."""
        return view.rolled_out

    def previous_revision(self, view: ServiceView) -> str:
        """Return KServe's previous rolled-out revision; it remembers only one."""
        return view.previous_rolled_out

    def canary_ready(self, view: ServiceView) -> bool:
        """Say whether the latest created revision is ready and named by the traffic block."""
        latest = {target.revision for target in view.traffic if target.latest}
        return view.latest_created == view.latest_ready and latest == {view.latest_created}

    def canary_failed(self, view: ServiceView) -> str | None:
        """Return the failure of the model that is being loaded."""
        return view.load_failure

    def live_split(self, view: ServiceView) -> Mapping[str, int]:
        """Return the traffic block added up: one revision may stand in it twice."""
        shares: Counter[str] = Counter()
        for target in view.traffic:
            shares[target.revision] += target.percent
        return shares

    def addresses(self, view: ServiceView) -> Mapping[str, str]:
        """Return the urls of the tags; the latest revision has one where tag routing is on."""
        return {target.revision: target.url for target in view.traffic if target.url}


def _predictor(change: Mapping[str, Any]) -> Spec:
    return {"predictor": dict(change)}
