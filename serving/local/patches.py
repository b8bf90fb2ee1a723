"""The patch formats of the Kubernetes API as functions from objects to objects."""

from __future__ import annotations

import json
from typing import Any

import jsonpatch
import jsonpointer
import yaml

from serving.local.objects import Object
from serving.local.statuses import BadRequest, Cause, Invalid, UnsupportedMedia

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
ACCEPTED = (JSON_PATCH, MERGE, APPLY)


def parsed(content_type: str, body: bytes) -> Any:
    """Return the patch that a request carries.

    Raises UnsupportedMedia for a format that custom resources do not have (strategic merge), and
    BadRequest for a body that cannot be read.
    """
    if content_type not in ACCEPTED:
        raise UnsupportedMedia(
            "the body of the request was in an unknown format - accepted media types include: "
            + ", ".join(ACCEPTED)
            + " (with kubectl: --type=merge)"
        )
    patch = from_yaml(body) if content_type == APPLY else from_json(body)
    if not isinstance(patch, list if content_type == JSON_PATCH else dict):
        # clients have sent objects under the type of lists for years; it can only mean one thing
        if content_type == JSON_PATCH and isinstance(patch, dict):
            return patch
        raise BadRequest(f"the patch must be {shape(content_type)}, not {type(patch).__name__}")
    return patch


def shape(content_type: str) -> str:
    """Return what the body of a patch has to be, in words."""
    return "a list of operations" if content_type == JSON_PATCH else "an object"


def patched(obj: Object, patch: Any, name: str) -> Object:
    """Return `obj` with a parsed patch applied: a list is a JSON patch, an object a merge patch."""
    if isinstance(patch, list):
        return operated(obj, patch, name)
    merged = merge(obj, patch)
    assert isinstance(merged, dict)  # merging an object onto anything gives an object
    return merged


def merge(target: Any, patch: Any) -> Any:
    """Return `target` with an RFC 7386 merge patch applied: null removes, lists are replaced."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def operated(obj: Object, operations: list[Any], name: str) -> Object:
    """Return `obj` with an RFC 6902 JSON patch applied. Raises Invalid where it does not apply."""
    try:
        result = jsonpatch.JsonPatch(operations).apply(obj)
    except (jsonpatch.InvalidJsonPatch, TypeError, AttributeError) as error:
        raise BadRequest(f"the JSON patch cannot be read: {error}") from error
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
        kind = str(obj.get("kind", "object"))
        raise Invalid(kind, name, (Cause("patch", f"{error}"),)) from error
    if not isinstance(result, dict):
        raise BadRequest("the JSON patch replaces the object by something that is no object")
    return result


def from_json(body: bytes) -> Any:
    """Return what the JSON text says. Raises BadRequest."""
    try:
        return json.loads(body, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from error


def from_yaml(body: bytes) -> Any:
    """Return what the YAML (or JSON) text says. Raises BadRequest."""
    if body.lstrip()[:1] in (b"{", b"["):  # JSON is YAML, and its own reader is 50 times faster
        return from_json(body)
    try:
        return json.loads(json.dumps(yaml.load(body, Loader=PlainLoader), allow_nan=False))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        told = " ".join(str(error).split())
        raise BadRequest(f"the body is not YAML: {told}") from error


def refuse_constant(word: str) -> None:
    """Raise for NaN and Infinity, which Python reads and JSON does not know."""
    raise ValueError(f"{word} is no JSON number")


class PlainLoader(yaml.SafeLoader):
    """YAML without dates: a timestamp stays the text that it was, as in Kubernetes."""


PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
