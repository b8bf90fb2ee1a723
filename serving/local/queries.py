"""What the query string and the options of a request ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from serving.local.resources import Resource
from serving.local.selectors import selector
from serving.local.statuses import BadRequest
from serving.local.store import Store
from serving.local.tables import Include, wants_table
from serving.local.watching import Watch, position


@dataclass(frozen=True)
class Writing:
    """How a write is to be done."""

    dry_run: bool
    manager: str
    strictness: str  # Strict, Warn or Ignore


@dataclass(frozen=True)
class Deleting:
    """How a deletion is to be done, and which object the client has seen."""

    dry_run: bool
    uid: str | None
    resource_version: str | None


def deleting(query: Mapping[str, str], options: Mapping[str, Any]) -> Deleting:
    """Return how a deletion is to be done, by the query string and a DeleteOptions body."""
    seen = options.get("preconditions") or {}
    if not isinstance(seen, dict):
        raise BadRequest("preconditions must be an object with uid or resourceVersion")
    inside = options.get("dryRun") or []
    dry = [dry_run(value) for value in (query.get("dryRun", ""), *as_list(inside))]
    return Deleting(any(dry), seen.get("uid"), seen.get("resourceVersion"))


def as_list(value: Any) -> list[Any]:
    """Return the value if it is a list, or else a list of it."""
    return value if isinstance(value, list) else [value]


def dry_run(asked: Any) -> bool:
    """Return whether nothing is to be stored."""
    if asked not in ("", "All"):
        raise BadRequest(f'dryRun: Unsupported value: "{asked}": supported values: "All"')
    return bool(asked)


def writing(query: Mapping[str, str]) -> Writing:
    """Return how a write is to be done, by the query string."""
    strictness = query.get("fieldValidation") or "Warn"
    if strictness not in ("Strict", "Warn", "Ignore"):
        raise BadRequest(
            f'fieldValidation: Unsupported value: "{strictness}": '
            'supported values: "Ignore", "Warn", "Strict"'
        )
    return Writing(
        dry_run(query.get("dryRun", "")), query.get("fieldManager") or "unknown", strictness
    )


def watch(
    resource: Resource, namespace: str | None, query: Mapping[str, str], accept: str, store: Store
) -> Watch:  # fmt: skip
    """Return the watch that a request asks for. Raises BadRequest."""
    initial = flag(query, "sendInitialEvents")
    return Watch(
        resource=resource,
        namespace=namespace,
        selector=selector(resource, query),
        since=None if initial else position(query.get("resourceVersion", ""), store),
        timeout_s=seconds(query.get("timeoutSeconds", "")),
        bookmarks=flag(query, "allowWatchBookmarks"),
        initial_end=initial,
        as_table=wants_table(accept),
        include=include(query),
    )


def include(query: Mapping[str, str]) -> Include:
    """Return what travels with each line of a Table."""
    asked = query.get("includeObject") or "Metadata"
    if asked not in get_args(Include):
        raise BadRequest(f'includeObject: Unsupported value: "{asked}"')
    return cast(Include, asked)


def flag(query: Mapping[str, str], key: str) -> bool:
    """Return whether a flag is set."""
    return query.get(key, "").lower() in ("1", "t", "true")


def seconds(text: str) -> float | None:
    """Return a number of seconds; None where none, or zero, is given."""
    if not (text or "0").isdecimal():
        raise BadRequest(f'timeoutSeconds: Invalid value: "{text}": it must be a whole number')
    return float(text or 0) or None
