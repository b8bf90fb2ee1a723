"""The same pipeline as the same bytes: skops names what it writes by memory addresses and dates it.

The reader takes the numbers for names only, so any others will do: they are counted from 1.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.storage import partial

SCHEMA = "schema.json"
IDENTITY = "__id__"


def settle(path: Path) -> None:
    """Write a skops file anew, so that its bytes tell of nothing but the pipeline in it."""
    with zipfile.ZipFile(path) as archive, partial(path) as unfinished:
        state = json.loads(archive.read(SCHEMA))
        numbers: dict[object, int] = {}
        _count(state, frozenset(archive.namelist()), numbers)
        renamed = {name: _renamed(name, numbers) for name in archive.namelist() if name in numbers}
        with zipfile.ZipFile(unfinished, "w") as settled:
            for old, new in sorted(renamed.items(), key=lambda pair: numbers[pair[0]]):
                settled.writestr(zipfile.ZipInfo(new), archive.read(old))
            text = json.dumps(_settled(state, numbers, renamed), indent=2)
            settled.writestr(zipfile.ZipInfo(SCHEMA), text)


def _count(node: Any, files: frozenset[str], numbers: dict[object, int]) -> None:
    """Give identities and files numbers, in the order in which the schema names them."""
    if isinstance(node, list):
        for each in node:
            _count(each, files, numbers)
    elif isinstance(node, dict):
        if IDENTITY in node:
            numbers.setdefault(node[IDENTITY], len(numbers) + 1)
        for each in node.values():
            _count(each, files, numbers)
    elif isinstance(node, str) and node in files:
        numbers.setdefault(node, len(numbers) + 1)


def _renamed(name: str, numbers: Mapping[object, int]) -> str:
    return f"{numbers[name]}{Path(name).suffix}"


def _settled(node: Any, numbers: Mapping[object, int], renamed: Mapping[str, str]) -> Any:
    if isinstance(node, list):
        return [_settled(each, numbers, renamed) for each in node]
    if isinstance(node, dict):
        new = {key: _settled(each, numbers, renamed) for key, each in node.items()}
        return {**new, IDENTITY: numbers[node[IDENTITY]]} if IDENTITY in node else new
    return renamed.get(node, node) if isinstance(node, str) else node
