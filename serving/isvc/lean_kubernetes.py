"""The `kubernetes` library without what nobody asked of it: 700 models and 60 APIs.

Its packages import all of their modules, which takes a second and more, and 60 MB. Prepared, they
import each module when one of its names is asked for, so that whoever else uses the library in
this process finds all of it there. A library that is laid out in another way is left as it is.
"""

from __future__ import annotations

import importlib
import re
import sys
import threading
from collections.abc import Mapping
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

LIBRARY = "kubernetes"
PACKAGES = (LIBRARY, f"{LIBRARY}.client", f"{LIBRARY}.client.api", f"{LIBRARY}.client.models")
_FROM = re.compile(r"^from ([\w.]+) import (\w+)$", re.MULTILINE)
_VERSION = re.compile(r"^__version__ = \"([^\"]+)\"$", re.MULTILINE)
_LOCK = threading.Lock()


class Package(ModuleType):
    """A package whose names are imported when they are asked for."""

    def __init__(self, folder: Path, spec: ModuleSpec, names: Mapping[str, str]) -> None:
        super().__init__(spec.name)
        self.__file__, self.__path__ = str(folder / "__init__.py"), [str(folder)]
        self.__spec__, self.__package__ = spec, spec.name
        self._names = names

    def __getattr__(self, name: str) -> Any:
        """Return what a module of the package, or the package below of that name, holds."""
        found = self._named(name)
        if found is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        setattr(self, name, found)
        return found

    def _named(self, name: str) -> Any:
        """Return what is imported under a name, else the module of that name; None without one."""
        if where := self._names.get(name):
            return getattr(importlib.import_module(where), name)
        below = f"{self.__name__}.{name}"
        is_there = not name.startswith("__") and PathFinder.find_spec(below, self.__path__)
        return importlib.import_module(below) if is_there else None


def prepare() -> None:
    """Let the library's packages import what is asked of them, where nobody imported it yet."""
    with _LOCK:
        if LIBRARY in sys.modules:
            return
        found = PathFinder.find_spec(LIBRARY)
        if found is None or not found.submodule_search_locations:
            return
        root = Path(found.submodule_search_locations[0])
        packages = {name: _package(name, root.joinpath(*name.split(".")[1:])) for name in PACKAGES}
        if all(packages.values()):
            sys.modules.update({name: each for name, each in packages.items() if each})


def _package(name: str, folder: Path) -> Package | None:
    """Return a package; None where its file is not the list of names that it is known to be."""
    try:
        text = (folder / "__init__.py").read_text(encoding="utf-8")
    except OSError:
        return None
    names = {each: where for where, each in _FROM.findall(text) if where != "."}
    if not names and name != LIBRARY:
        return None
    spec = ModuleSpec(name, None, origin=str(folder / "__init__.py"), is_package=True)
    spec.submodule_search_locations = [str(folder)]
    package = Package(folder, spec, names)
    if version := _VERSION.search(text):
        package.__dict__["__version__"] = version[1]
    return package
