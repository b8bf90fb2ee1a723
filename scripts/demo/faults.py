"""The saboteur of the demonstration: waits for the next revision and makes its process fail."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Mapping

from serving.isvc.client import connect
from serving.isvc.resource import ServiceView
from serving.settings import Settings


def break_next_revision(
    settings: Settings, name: str, fault: Mapping[str, float], done: threading.Event
) -> None:
    """Put a fault into the process of the next revision as soon as it is ready.

    Returns when the fault is in, or when `done` is set first.
    """
    services = connect(settings.kubeconfig, settings.namespace)
    before = _latest(services.get(name))
    while not done.wait(0.1):
        view = services.get(name)
        if view and _latest(view) != before and (url := _canary_url(view)):
            _post(f"{url}/kanarya/fault", fault)
            return


def _latest(view: ServiceView | None) -> str:
    return view.latest_ready if view else ""


def _canary_url(view: ServiceView) -> str | None:
    return next((t.url for t in view.traffic if t.latest and t.revision == view.latest_ready), None)


def _post(url: str, fault: Mapping[str, float]) -> None:
    body = json.dumps(fault).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()
