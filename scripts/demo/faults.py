"""The saboteur of the demonstration: makes the next revision fail once it has live traffic."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Mapping

from serving import direct
from serving.isvc.client import connect
from serving.isvc.resource import ServiceView
from serving.settings import Settings


def break_next_revision(
    settings: Settings, name: str, fault: Mapping[str, float], done: threading.Event
) -> None:
    """Put a fault into the process of the next revision as soon as it gets a share of the traffic.

    Before that the shadow would find it. Returns when the fault is in, or when `done` is set first.
    """
    services = connect(settings.kubeconfig, settings.namespace)
    before = _latest(services.get(name))
    while not done.wait(0.1):
        view = services.get(name)
        if view and _latest(view) != before and (url := _live_canary_url(view)):
            put_in(url, fault)
            return


def put_in(url: str, fault: Mapping[str, float]) -> None:
    """Put a fault into the predictor at an address."""
    body, asked = json.dumps(fault).encode(), f"{url}/kanarya/fault"
    request = urllib.request.Request(asked, body, {"content-type": "application/json"})
    with direct.opener().open(request, timeout=10) as answer:
        answer.read()


def _latest(view: ServiceView | None) -> str:
    return view.latest_ready if view else ""


def _live_canary_url(view: ServiceView) -> str | None:
    lines = (line for line in view.traffic if line.latest and line.revision == view.latest_ready)
    return next((line.url for line in lines if line.percent), None)
