"""KServe without what a predictor never uses: pandas and the Kubernetes client.

KServe imports both for functions that nobody calls here (`as_dataframe`, `KServeClient`). They are
110 MB of memory and a third of the start. While KServe is imported something stands in for them
that only has a name; whoever asks it for more afterwards gets the real thing, imported then.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

UNUSED = ("pandas", "kubernetes")


class Deferred(ModuleType):
    """A module, or something in one, that is imported when it is used for the first time."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if _importing:
            return Deferred(f"{self.__name__}.{name}")
        return getattr(_real(self.__name__), name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the real thing; that this can be called lets it stand in annotations as well."""
        return _real(self.__name__)(*arguments, **named)


_importing: list[str] = []


@contextmanager
def deferring(*names: str) -> Iterator[None]:
    """Let these modules be deferred for whoever imports them inside of the block."""
    absent = [name for name in names if name not in sys.modules]
    _importing.extend(absent)
    sys.modules.update({name: Deferred(name) for name in absent})
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
            _importing.remove(name)


def import_kserve() -> None:
    """Import KServe's server; later imports of it find what is there."""
    with deferring(*UNUSED):
        import_module("kserve.model_server")


@cache
def _real(path: str) -> Any:
    """Return the module or the attribute of a module that a dotted path names."""
    try:
        return import_module(path)
    except ModuleNotFoundError:
        above, _, name = path.rpartition(".")
        if not above:
            raise
        return getattr(_real(above), name)
