"""KServe's Standard mode: `spec.canary[]`, a Deployment and a Service beside the stable ones.

The rules are facts from KServe's controller:

* Of `trafficPercent: 0` without `minReplicas` KServe makes 0 replicas, which are never ready.
* A merge patch replaces a list as a whole, so an entry is always sent with all that it has.
* A promotion gives the stable predictor the canary's name and uri and takes the entry away, in one
  patch: the Deployment that is there already has that name, so no pod is restarted. KServe deletes
  the one before, and there is nothing warm to go back to.
* A canary's name can never be the stable one's, and a new name needs a new uri.
* A canary keeps the replicas it has been told, so they must rise with its share.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from typing import Any

from serving.isvc.drivers.protocol import Asked, Spec
from serving.isvc.drivers.reading import Reading, said
from serving.isvc.live import deployment
from serving.isvc.resource import ServiceView

LONGEST_SERVICE = 63
_DIGEST, _VERSION = 8, 12
# What every name of a canary has at least: a letter and the digest.
LONGEST_NAME = LONGEST_SERVICE - len(deployment("", "v" + "0" * _DIGEST))


class StandardDriver(Reading):
    """Traffic between the stable predictor and the one canary that a rollout makes."""

    def begin(self, view: ServiceView, uri: str, percent: int | None) -> Spec:
        """Return the canary, up and with its share, in place of whatever else is in the list.

        Where nothing is live the predictor itself gets the model, under a new name: its Deployment
        is then known to be the new one.
        """
        if percent is None:
            changed = {"name": canary_name(view, uri)} if uri != view.storage_uri else {}
            return {"predictor": {**changed, "model": {"storageUri": uri}}, "canary": []}
        model_format = (view.predictor.get("model") or {}).get("modelFormat")
        model = {**({"modelFormat": model_format} if model_format else {}), "storageUri": uri}
        entry = {"predictor": {"name": canary_name(view, uri), "model": model}}
        return {"canary": [_with_share(view, entry, percent)]}

    def set_percent(self, view: ServiceView, percent: int) -> Spec:
        """Return the whole list again, with the canary's share and the replicas it needs."""
        return {"canary": [_with_share(view, entry, percent) for entry in view.canaries]}

    def promote(self, view: ServiceView) -> Spec:
        """Return the canary's name and uri for the stable predictor, and an empty list."""
        canary = view.canaries[0]["predictor"]
        model = {"storageUri": _uri(view.canaries[0])}
        return {"predictor": {"name": canary["name"], "model": model}, "canary": []}

    def roll_back(self, view: ServiceView) -> Spec:
        """Return an empty list; KServe takes the canary's Deployment away."""
        return {"canary": []}

    def requested(self, view: ServiceView) -> tuple[str, int | None]:
        """Return uri and percent of the canary, of the stable predictor where there is none."""
        if not view.canaries:
            return view.storage_uri, None
        return _uri(view.canaries[-1]), _percent(view.canaries[-1])

    def difference(self, view: ServiceView, asked: Asked) -> str | None:
        """Return what differs of the stable predictor's uri and of the canary."""
        alone = asked.uri if asked.percent is None else asked.stable_uri
        if alone is not None and view.storage_uri != alone:
            return f"its storageUri is {view.storage_uri}, this rollout left it at {alone}"
        if asked.percent is None or asked.taken_out:
            return "it has a canary, this rollout left none" if view.canaries else None
        return _other_canary(view, asked)

    def in_the_way(self, view: ServiceView) -> str | None:
        """Return how much of the traffic the canaries in the list have, if any."""
        percent = sum(map(_percent, view.canaries))
        if not percent or not view.rolled_out:
            return None
        return (
            f"canaries that are no rollout of ours have {percent} % of the traffic. "
            "Promote one of them or empty spec.canary first"
        )

    def unasked(self, view: ServiceView, before: str, canary: str) -> str | None:
        """Return None: a Deployment that is changed keeps its name."""
        return None


def canary_name(view: ServiceView, uri: str) -> str:
    """Return the name of the canary that serves `uri`, as `v3-1f0c2a9b`.

    The same uri always gets the same name, so a second try finds the first one's Deployment; only
    where the stable predictor has that name (with another model, by hand) it gets one more letter.
    """
    digest = hashlib.sha256(uri.encode()).hexdigest()[:_DIGEST]
    room = min(_VERSION, LONGEST_NAME - len(view.name) - 1)
    words = re.sub(r"[^a-z0-9]+", "-", uri.rstrip("/").rpartition("/")[2].lower())
    version = words.strip("-")[: max(room, 0)].strip("-")
    name = f"v{version}-{digest}" if version else f"v{digest}"
    return f"{name[:-1]}x" if name == view.predictor.get("name") else name


def replicas(view: ServiceView, percent: int) -> int:
    """Return how many replicas a canary needs for its share of what the stable predictor has."""
    return max(1, math.ceil(least_replicas(view) * percent / 100))


def least_replicas(view: ServiceView) -> int:
    """Return minReplicas of the stable predictor, which KServe takes for 1 where it is not set."""
    given = view.predictor.get("minReplicas")
    return 1 if given is None else int(given)


def _with_share(view: ServiceView, entry: Mapping[str, Any], percent: int) -> dict[str, Any]:
    predictor = {**entry["predictor"], "minReplicas": replicas(view, percent)}
    return {**entry, "trafficPercent": percent, "predictor": predictor}


def _uri(entry: Mapping[str, Any]) -> str:
    return (entry["predictor"].get("model") or {}).get("storageUri") or ""


def _percent(entry: Mapping[str, Any]) -> int:
    return int(entry.get("trafficPercent") or 0)


def _other_canary(view: ServiceView, asked: Asked) -> str | None:
    """Return how the list differs from the one canary that was asked for."""
    found = [(_uri(entry), _percent(entry)) for entry in view.canaries]
    if len(found) != 1:
        many = f"it has {len(found)} canaries" if found else "its canary percent is not set"
        return f"{many}, this rollout set {asked.percent} % for {asked.uri}"
    uri, percent = found[0]
    if uri != asked.uri:
        return f"its canary's storageUri is {uri}, this rollout set {asked.uri}"
    if percent != asked.percent:
        return f"its canary percent is {said(percent)}, this rollout set {said(asked.percent)}"
    return None
