"""How good the versions of a model are on what was labelled: asked wherever that is known."""

from __future__ import annotations

import time

from serving.errors import PlatformError, UsageError
from serving.feedback.book import RETENTION_H, Book, Bounds
from serving.feedback.books import place
from serving.feedback.calling import call
from serving.feedback.performance import LivePerformance
from serving.settings import Settings


def read(settings: Settings, name: str, window_s: float | None = None) -> LivePerformance:
    """Return the live performance of a model, of its predictions of the last `window_s` seconds.

    From the collector that the settings name; else from this home's own file, which needs no
    platform; else, where the kubeconfig is of another place, from the live service. A model that
    never had a label or a kept prediction has no versions. Raises KanaryaError.
    """
    query = "" if window_s is None else f"?window_s={window_s}"
    if settings.feedback_url:
        return _asked(f"{settings.feedback_url}/{name}{query}")
    if settings.kubeconfig.is_relative_to(settings.home):
        return _here(settings, name, window_s)
    return _asked(f"{_address(settings, name)}/v2/models/{name}/feedback{query}")


def _asked(url: str) -> LivePerformance:
    return LivePerformance.from_json(call(url), url)


def _here(settings: Settings, name: str, window_s: float | None) -> LivePerformance:
    window_s = RETENTION_H * 3600.0 if window_s is None else window_s
    path = place(settings.home / "feedback", settings.namespace, name)
    if not path.exists():
        return LivePerformance(name, {}, window_s)
    book = Book(path, Bounds())
    try:
        return book.performance(name, window_s, time.time())
    finally:
        book.close()


def _address(settings: Settings, name: str) -> str:
    from serving.isvc.client import connect

    view = connect(settings.kubeconfig, settings.namespace).get(name)
    if view is None:
        raise UsageError(f"there is no service {name!r}; `kanarya status` shows those there are")
    if view.url is None:
        raise PlatformError(f"{name} has no address yet; `kanarya status` says why")
    return view.url
