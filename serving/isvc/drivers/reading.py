"""What both drivers read alike, since a view tells of both modes in the same words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from serving.isvc.resource import ServiceView


class Reading:
    """The half of a driver that looks."""

    def canary_revision(self, view: ServiceView) -> str:
        """Return the latest created revision."""
        return view.latest_created

    def stable_revision(self, view: ServiceView) -> str:
        """Return the latest rolled-out revision."""
        return view.rolled_out

    def previous_revision(self, view: ServiceView) -> str:
        """Return KServe's previous rolled-out revision; it remembers one, in Knative mode only."""
        return view.previous_rolled_out

    def canary_ready(self, view: ServiceView) -> bool:
        """Say whether the latest created revision is ready and named by the traffic block.

        The Ready condition is not asked: it flips during every rollout in Knative mode while the
        old revision serves on, and in Standard mode it does not know the canary.
        """
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
        """Return each revision's own address; a tag that is pinned to it goes before `latest`."""
        lines = sorted(view.traffic, key=lambda line: not line.latest)
        known = {line.revision: line.url for line in lines if line.url}
        return dict.fromkeys((line.revision for line in lines), "") | known


def said(percent: int | None) -> str:
    """Return a percent for a sentence."""
    return "not set" if percent is None else f"{percent} %"
