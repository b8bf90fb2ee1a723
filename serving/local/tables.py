"""What `kubectl get` prints: Table objects from objects and the columns of their kind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from serving.local.objects import Object, metadata_of
from serving.local.resources import Column, Resource

Include = Literal["None", "Metadata", "Object"]

TABLE = {"kind": "Table", "apiVersion": "meta.k8s.io/v1"}
STEP = re.compile(
    r"\.(?P<key>\w+)"
    r"|\['(?P<quoted>[^']+)'\]"
    r"|\[\?\(@\.(?P<where>\w+)==(?P<value>'[^']*'|true|false)\)\]"
)
HOLE = re.compile(r"\{([^}]+)\}")


def wants_table(accept: str) -> bool:
    """Return whether an Accept header asks for a Table in the version that we write."""
    kinds = (dict(pairs(part)) for part in accept.split(","))
    return any(
        kind.get("as") == "Table" and kind.get("g") == "meta.k8s.io" and kind.get("v") == "v1"
        for kind in kinds
    )


def pairs(media_type: str) -> Iterable[tuple[str, str]]:
    """Yield the parameters of one media type."""
    for parameter in media_type.split(";")[1:]:
        key, _, value = parameter.strip().partition("=")
        yield key, value


def table(
    resource: Resource,
    objects: Iterable[Mapping[str, Any]],
    now: datetime,
    *,
    include: Include = "Metadata",
) -> Object:
    """Return the Table of these objects, without a resourceVersion of its own."""
    return {
        **TABLE,
        "metadata": {},
        "columnDefinitions": [definition(column) for column in resource.columns],
        "rows": [row(resource, obj, now, include) for obj in objects],
    }


def definition(column: Column) -> Object:
    """Return the head of a column."""
    return {
        "name": column.name,
        # a date is sent as the age that is printed, and so is a text
        "type": "string" if column.type == "date" else column.type,
        "format": "name" if column.path == ".metadata.name" else "",
        "description": f"{column.name} ({column.path})",
        "priority": column.priority,
    }


def row(resource: Resource, obj: Mapping[str, Any], now: datetime, include: Include) -> Object:
    """Return one line of a Table."""
    cells = [cell(column, obj, now) for column in resource.columns]
    return {"cells": cells, "object": row_object(obj, include)}


def row_object(obj: Mapping[str, Any], include: Include) -> Object | None:
    """Return what travels with a line: nothing, the metadata, or the whole object."""
    if include == "Object":
        return dict(obj)
    if include == "None":
        return None
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata_of(obj),
    }


def cell(column: Column, obj: Mapping[str, Any], now: datetime) -> str | int | None:
    """Return what one column shows of an object; None where it shows nothing."""
    if "{" in column.path:
        return HOLE.sub(lambda hole: shown(look_up(obj, hole[1])), column.path)
    value = look_up(obj, column.path)
    if value is None:
        # kubectl leaves an absent printer column empty, but an absent number would show as 0
        return "<unknown>" if column.type == "date" else None
    if column.type == "date":
        return age(str(value), now)
    if column.type == "integer":
        return value if isinstance(value, int) else None
    return shown(value)


def shown(value: Any) -> str:
    """Return a value as a cell shows it."""
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, list) else str(value)


def look_up(obj: Any, path: str) -> Any:
    """Return what a JSONPath of keys and `[?(@.key==value)]` filters finds first, or None."""
    value, position = obj, 0
    while position < len(path):
        step = STEP.match(path, position)
        if step is None:
            raise ValueError(f"{path!r}: not understood from {path[position:]!r} on")
        value, position = take(value, step), step.end()
    return value


def take(value: Any, step: re.Match[str]) -> Any:
    """Return what one step of a path finds in a value."""
    key = step["key"] or step["quoted"]
    if key is not None:
        return value.get(key) if isinstance(value, dict) else None
    wanted = step["value"].strip("'") if step["value"].startswith("'") else step["value"] == "true"
    items = value if isinstance(value, list) else []
    return next((i for i in items if isinstance(i, dict) and i.get(step["where"]) == wanted), None)


def age(created: str, now: datetime) -> str:
    """Return how long ago a timestamp was, as kubectl writes it: `35s`, `5m10s`, `3d4h`."""
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return "<invalid>"
    return duration(int((now - moment.astimezone(UTC)).total_seconds()))


def duration(seconds: int) -> str:
    """Return a time span in at most two units, the second only where the first is small."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{max(seconds, 0)}s"
    if minutes < 10:
        return two(minutes, "m", seconds % 60, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return two(days, "d", hours % 24, "h")
    return f"{days}d" if days < 730 else f"{days // 365}y"


def two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    """Return two units, the second left out when it is zero."""
    return f"{large}{large_unit}" + (f"{small}{small_unit}" if small else "")
