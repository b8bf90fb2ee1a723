"""The driver of a service: the one whose mode the service is in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from serving.isvc.drivers.knative import KnativeDriver
from serving.isvc.drivers.protocol import Asked, Driver, Spec
from serving.isvc.drivers.standard import StandardDriver
from serving.isvc.modes import Mode
from serving.isvc.resource import ServiceView

_DRIVERS: Mapping[Mode, Driver] = {Mode.KNATIVE: KnativeDriver(), Mode.STANDARD: StandardDriver()}


def driver_for(view: ServiceView, default: Mode = Mode.KNATIVE) -> Driver:
    """Return the driver of a service; `default` where the service does not say its mode yet."""
    return _DRIVERS.get(view.mode or default, _DRIVERS[default])


@dataclass(frozen=True)
class ServiceDriver:
    """A Driver that asks each service which one it needs, so that a caller need not know."""

    default: Mode = Mode.KNATIVE

    def _of(self, view: ServiceView) -> Driver:
        return driver_for(view, self.default)

    def begin(self, view: ServiceView, uri: str, percent: int | None) -> Spec:
        """Return the spec change that adds a canary; percent None where nothing is live yet."""
        return self._of(view).begin(view, uri, percent)

    def set_percent(self, view: ServiceView, percent: int) -> Spec:
        """Return the spec change that gives the canary `percent` of the traffic."""
        return self._of(view).set_percent(view, percent)

    def promote(self, view: ServiceView) -> Spec:
        """Return the spec change that makes the canary the stable revision."""
        return self._of(view).promote(view)

    def roll_back(self, view: ServiceView) -> Spec:
        """Return the spec change that gives the stable revision everything, at once."""
        return self._of(view).roll_back(view)

    def requested(self, view: ServiceView) -> tuple[str, int | None]:
        """Return the newest model's uri and the percent that the spec asks for."""
        return self._of(view).requested(view)

    def difference(self, view: ServiceView, asked: Asked) -> str | None:
        """Return what in the spec is not as it was asked for."""
        return self._of(view).difference(view, asked)

    def in_the_way(self, view: ServiceView) -> str | None:
        """Return why no rollout may begin beside what the spec asks for."""
        return self._of(view).in_the_way(view)

    def canary_revision(self, view: ServiceView) -> str:
        """Return the newest revision, "" before there is one."""
        return self._of(view).canary_revision(view)

    def stable_revision(self, view: ServiceView) -> str:
        """Return the revision that is rolled out, "" before the first one is."""
        return self._of(view).stable_revision(view)

    def previous_revision(self, view: ServiceView) -> str:
        """Return the revision that a rollback after a promotion goes to, "" if there is none."""
        return self._of(view).previous_revision(view)

    def canary_ready(self, view: ServiceView) -> bool:
        """Say whether the newest revision can take traffic."""
        return self._of(view).canary_ready(view)

    def canary_failed(self, view: ServiceView) -> str | None:
        """Return why the newest revision will not come up, None while it may."""
        return self._of(view).canary_failed(view)

    def unasked(self, view: ServiceView, before: str, canary: str) -> str | None:
        """Return what is wrong if revisions were made that no rollout asked for."""
        return self._of(view).unasked(view, before, canary)

    def live_split(self, view: ServiceView) -> Mapping[str, int]:
        """Return the percent of the traffic that each revision gets at this moment."""
        return self._of(view).live_split(view)

    def addresses(self, view: ServiceView) -> Mapping[str, str]:
        """Return where each revision answers by itself."""
        return self._of(view).addresses(view)
