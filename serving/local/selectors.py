"""Which objects a request means: field selectors and label selectors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from serving.local.objects import labels_of
from serving.local.resources import Resource
from serving.local.statuses import BadRequest

Test = Callable[[str | None], bool]

COMMAS = re.compile(r",(?![^(]*\))")  # those outside of parentheses
KEY = r"(?P<key>[\w./-]+)"
SET = re.compile(rf"^{KEY}\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\)$")
EQUAL = re.compile(rf"^{KEY}\s*(?P<sign>==|!=|=)\s*(?P<value>[^=!\s]*)$")
EXISTS = re.compile(rf"^(?P<absent>!?)\s*{KEY}$")


@dataclass(frozen=True)
class Selector:
    """The labels and fields that an object must have to be meant."""

    labels: tuple[tuple[str, Test], ...] = ()
    fields: tuple[tuple[str, Test], ...] = ()

    def accepts(self, obj: Mapping[str, Any]) -> bool:
        """Return whether the object is meant."""
        return self.accepts_labels(labels_of(obj)) and all(
            test(field(obj, key)) for key, test in self.fields
        )

    def accepts_labels(self, labels: Mapping[str, str]) -> bool:
        """Return whether an object with these labels is meant."""
        return all(test(labels.get(key)) for key, test in self.labels)


def selector(resource: Resource, query: Mapping[str, str]) -> Selector:
    """Return the selector that a query string asks for. Raises BadRequest."""
    labels = tuple(requirement(part) for part in parts(query.get("labelSelector", "")))
    fields = tuple(requirement(part) for part in parts(query.get("fieldSelector", "")))
    known = ("metadata.name", "metadata.namespace", *resource.fields)
    for key, _ in fields:
        if key not in known:
            raise BadRequest(
                f"field label not supported: {key}; {resource.plural} can be selected by "
                + ", ".join(known)
            )
    return Selector(labels, fields)


def parts(text: str) -> list[str]:
    """Return the requirements of a selector: `a=b,c in (d,e)` has two."""
    return [part.strip() for part in COMMAS.split(text) if part.strip()]


def requirement(text: str) -> tuple[str, Test]:
    """Return the key and the test of one requirement. Raises BadRequest."""
    if found := SET.match(text):
        values = frozenset(value.strip() for value in found["values"].split(","))
        return found["key"], among(values, wanted=found["word"] == "in")
    if found := EQUAL.match(text):
        return found["key"], among(frozenset([found["value"]]), wanted=found["sign"] != "!=")
    if found := EXISTS.match(text):
        return found["key"], present(wanted=not found["absent"])
    raise BadRequest(
        f"unable to parse requirement: {text!r}; write key=value, key!=value, key in (a,b), "
        "key notin (a,b), key or !key"
    )


def among(values: frozenset[str], *, wanted: bool) -> Test:
    """Return the test for one of these values, or for none of them; nothing is none of them."""
    return lambda value: (value in values) is wanted


def present(*, wanted: bool) -> Test:
    """Return the test for a key that is there, or is not."""
    return lambda value: (value is not None) is wanted


def field(obj: Mapping[str, Any], path: str) -> str:
    """Return the text of a dotted field, empty where there is none."""
    value: Any = obj
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return "" if value is None else str(value)
