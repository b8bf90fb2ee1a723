"""Ask in a process of its own what needs a heavy library: the console itself stays small."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from serving.errors import PlatformError
from serving.settings import Settings

T = TypeVar("T")


def in_child(settings: Settings, ask: Callable[..., T], *arguments: object) -> T:
    """Return what a function of a module returns; it takes some seconds, so call it in a thread.

    What it raises is raised here. Raises PlatformError where the process dies.
    """
    start = get_context("spawn")
    given = (settings.environment(),)
    with ProcessPoolExecutor(1, start, initializer=_prepared, initargs=given) as pool:
        try:
            return pool.submit(ask, *arguments).result()
        except BrokenProcessPool as error:
            raise PlatformError(
                f"the process that was asked for {ask.__module__}.{ask.__name__} died; "
                "try again once the machine has memory left"
            ) from error


def _prepared(environment: Mapping[str, str]) -> None:
    os.environ.update(environment)
