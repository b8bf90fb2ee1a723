"""Server-side apply: who set which field, so that a field left out of the next apply goes away.

Close to Kubernetes where people notice it (a field that a manager no longer sends is removed, a
field that two managers set stays), and simpler where a laptop does not need it: lists are one
value, only applies are tracked, and the last one to apply wins without a conflict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

from serving.local.objects import Object, metadata_of
from serving.local.patches import merge

Path = tuple[str, ...]

UNTRACKED = {
    ("apiVersion",),
    ("kind",),
    *(("metadata", key) for key in ("name", "namespace", "uid", "resourceVersion")),
}


def applied(current: Mapping[str, Any] | None, config: Object, manager: str, now: str) -> Object:
    """Return `current` with what `manager` wants; None as `current` creates the object."""
    before: Object = dict(current or {})
    entries = managers(before)
    mine = owned_paths(entries.get(manager, {}))
    others = {p for name, e in entries.items() if name != manager for p in owned_paths(e)}
    wanted = set(leaves(config))
    result = reduce(without, sorted(mine - wanted - others), before)
    result = merge(result, merge(config, {"metadata": {"managedFields": None}}))
    entry = entry_of(manager, str(config.get("apiVersion", "")), wanted, now)
    if owned_paths(entries.get(manager, {})) == wanted:
        entry = entries[manager]  # nothing new: keep the time, so that nothing changes at all
    kept = [e for name, e in entries.items() if name != manager]
    return dict(merge(result, {"metadata": {"managedFields": [*kept, entry]}}))


def managers(obj: Mapping[str, Any]) -> dict[str, Object]:
    """Return the entries of `managedFields` by the manager's name."""
    found = metadata_of(obj).get("managedFields") or []
    return {str(e.get("manager", "")): e for e in found if isinstance(e, dict)}


def entry_of(manager: str, api_version: str, paths: set[Path], now: str) -> Object:
    """Return an entry of `managedFields` in Kubernetes' own form."""
    fields: Object = {}
    for path in sorted(paths):
        node = fields
        for key in path:
            node = node.setdefault(f"f:{key}", {})
    return {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": api_version,
        "time": now,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def owned_paths(entry: Mapping[str, Any]) -> set[Path]:
    """Return the fields that an entry of `managedFields` names."""
    fields = entry.get("fieldsV1")
    return set(ends(fields)) if isinstance(fields, dict) else set()


def ends(fields: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    """Yield the path of every leaf of a FieldsV1 tree, without the `f:` before each key."""
    for key, below in fields.items():
        here = (*above, key.removeprefix("f:"))
        if isinstance(below, dict) and below:
            yield from ends(below, here)
        else:
            yield here


def leaves(config: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    """Yield the path of every value that a configuration sets; a list is one value."""
    for key, value in config.items():
        here = (*above, key)
        if isinstance(value, dict) and value:
            yield from leaves(value, here)
        elif here not in UNTRACKED:
            yield here


def without(value: Mapping[str, Any], path: Path) -> Object:
    """Return the object without one field, and without the maps that it leaves empty."""
    key, below = path[0], path[1:]
    rest = {k: v for k, v in value.items() if k != key}
    inner = value.get(key)
    if not below or key not in value:
        return rest
    if not isinstance(inner, dict):
        return dict(value)
    left = without(inner, below)
    return {**value, key: left} if left else rest
