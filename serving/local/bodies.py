"""What a request carries: reading it, and the rules for an object's head; no effects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import NoneType
from typing import Any

from serving.local.objects import Object, metadata_of
from serving.local.patches import from_json, from_yaml
from serving.local.resources import Resource
from serving.local.statuses import BadRequest, Cause, Invalid, UnsupportedMedia

LIMIT_BYTES = 3 * 1024 * 1024  # as in Kubernetes

JSON_TYPES = ("", "application/json")
YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml")
LISTS: dict[str, tuple[type, str]] = {
    "finalizers": (str, "strings"),
    "ownerReferences": (dict, "objects"),
    "managedFields": (dict, "objects"),
}
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
SUBDOMAIN = re.compile(rf"{LABEL.pattern}(\.{LABEL.pattern})*")


def document(content_type: str, body: bytes) -> Object:
    """Return the object that the body of a POST, PUT or DELETE is.

    Raises UnsupportedMedia for another media type, and BadRequest for what is no object.
    """
    if content_type not in (*JSON_TYPES, *YAML_TYPES):
        raise UnsupportedMedia(
            f"the body of the request was in an unknown format ({content_type}) - accepted media "
            "types include: application/json, application/yaml"
        )
    found = from_yaml(body) if content_type in YAML_TYPES else from_json(body)
    if not isinstance(found, dict):
        raise BadRequest(f"the body must be an object, not {type(found).__name__}")
    return found


def addressed(resource: Resource, obj: Object, namespace: str, name: str | None) -> Object:
    """Return the object with kind, namespace and name filled in from its URL.

    Raises BadRequest when it says something else than the URL; `name` is None for a POST.
    """
    check_kind(resource, obj)
    if not isinstance(obj.get("metadata", {}), dict):
        raise BadRequest("metadata must be an object")
    metadata = {**metadata_of(obj)}
    check_strings(metadata)
    check_place(metadata, "namespace", namespace)
    check_place(metadata, "name", name)
    if resource.namespaced:
        metadata["namespace"] = namespace
    if name is not None:
        metadata["name"] = name
    head = {"apiVersion": resource.api_version, "kind": resource.kind}
    return {**obj, **head, "metadata": metadata}


def check_kind(resource: Resource, obj: Mapping[str, Any]) -> None:
    """Raise BadRequest for an object of another kind."""
    told = (obj.get("apiVersion", ""), obj.get("kind", ""))
    wanted = (resource.api_version, resource.kind)
    if told != wanted:
        raise BadRequest(
            f"the object is apiVersion {told[0]!r}, kind {told[1]!r}; "
            f"this address takes apiVersion {wanted[0]!r}, kind {wanted[1]!r}"
        )


def check_strings(metadata: Mapping[str, Any]) -> None:
    """Raise BadRequest for metadata of wrong types, which would break every reader."""
    for key in ("name", "namespace", "generateName", "uid", "resourceVersion"):
        if not isinstance(metadata.get(key), (str, NoneType)):
            raise BadRequest(f"metadata.{key} must be a string, not {metadata[key]!r}")
    for key, (kind, words) in LISTS.items():
        found = [] if metadata.get(key) is None else metadata[key]
        if not isinstance(found, list) or not all(isinstance(each, kind) for each in found):
            raise BadRequest(f"metadata.{key} must be a list of {words}")
    for key in ("labels", "annotations"):
        pairs = {} if metadata.get(key) is None else metadata[key]
        if not isinstance(pairs, dict):
            raise BadRequest(f"metadata.{key} must be an object of strings")
        for name, value in pairs.items():
            if not isinstance(value, str):
                raise BadRequest(
                    f"metadata.{key}[{name}] must be a string, not {value!r}: put it in quotes"
                )


def check_place(metadata: Mapping[str, Any], key: str, url: str | None) -> None:
    """Raise BadRequest when the object says another name or namespace than its URL."""
    said = metadata.get(key)
    if said and url is not None and said != url:
        raise BadRequest(
            f"the {key} of the object ({said}) does not match the {key} on the URL ({url})"
        )


def named(resource: Resource, obj: Object, suffix: str) -> Object:
    """Return the object with a name, made of generateName and `suffix` where it has none.

    Raises Invalid when there is neither, or when the name cannot be part of a URL.
    """
    metadata = metadata_of(obj)
    name = metadata.get("name") or ""
    if not name and metadata.get("generateName"):
        name = f"{metadata['generateName']}{suffix}"
    check_name(resource, name)
    return {**obj, "metadata": {**metadata, "name": name}}


def check_name(resource: Resource, name: str) -> None:
    """Raise Invalid for a name that Kubernetes would not take."""
    if not name:
        cause = Cause(
            "metadata.name",
            "Required value: name or generateName is required",
            "FieldValueRequired",
        )
        raise Invalid(resource.kind, name, (cause,))
    if len(name) > 253 or not SUBDOMAIN.fullmatch(name):
        text = (
            f'Invalid value: "{name}": a lowercase RFC 1123 subdomain must consist of lower case '
            "alphanumeric characters, '-' or '.', must start and end with an alphanumeric "
            "character and have at most 253 characters"
        )
        raise Invalid(resource.kind, name, (Cause("metadata.name", text),))


def check_namespace(namespace: str) -> None:
    """Raise Invalid for a namespace that Kubernetes would not take."""
    if len(namespace) > 63 or not LABEL.fullmatch(namespace):
        text = (
            f'Invalid value: "{namespace}": a lowercase RFC 1123 label must consist of lower case '
            "alphanumeric characters or '-', and have at most 63 characters"
        )
        raise Invalid("Namespace", namespace, (Cause("metadata.namespace", text),))
