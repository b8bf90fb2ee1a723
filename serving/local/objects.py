"""What the server does to an object's metadata when it is created or replaced; pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from serving.local.resources import Resource

Object = dict[str, Any]

FIRST = ("apiVersion", "kind", "metadata")
# set by the server; what a client sends for these is not looked at
OWNED = ("uid", "creationTimestamp", "generation", "resourceVersion", "name", "namespace")
IGNORED = ("selfLink", "deletionTimestamp", "deletionGracePeriodSeconds")


def timestamp(moment: datetime) -> str:
    """Return a moment as Kubernetes writes it, in whole seconds: `2026-11-20T09:30:00Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def metadata_of(obj: Mapping[str, Any]) -> Object:
    """Return the object's metadata, empty where it has none."""
    found = obj.get("metadata")
    return found if isinstance(found, dict) else {}


def labels_of(obj: Mapping[str, Any]) -> dict[str, str]:
    """Return the object's labels."""
    return dict(metadata_of(obj).get("labels") or {})


def created(resource: Resource, obj: Mapping[str, Any], *, uid: str, now: datetime) -> Object:
    """Return `obj` as the store keeps it first, still without a resourceVersion."""
    sent = metadata_of(obj)
    metadata = {
        "name": sent["name"],
        **({"namespace": sent["namespace"]} if resource.namespaced else {}),
        "uid": uid,
        "creationTimestamp": timestamp(now),
        "generation": 1,
        **theirs(sent),
    }
    body = content(obj) if resource.has_status else {**content(obj), **status(obj)}
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **body}


def replaced(
    resource: Resource, old: Mapping[str, Any], new: Mapping[str, Any], *, only_status: bool
) -> Object:
    """Return `old` with the writable part of `new`; the generation grows with the content."""
    if only_status:
        return {**without_status(old), **status(new)}
    before = old if resource.has_status else new
    metadata = {**owned(metadata_of(old)), **theirs(metadata_of(new))}
    if content(old) != content(new):
        metadata["generation"] = int(metadata.get("generation", 0)) + 1
    head = {"apiVersion": old["apiVersion"], "kind": old["kind"], "metadata": metadata}
    return {**head, **content(new), **status(before)}


def theirs(metadata: Mapping[str, Any]) -> Object:
    """Return the metadata that clients own: labels, annotations, ownerReferences, finalizers."""
    keys = (key for key in metadata if key not in (*OWNED, *IGNORED))
    return {key: metadata[key] for key in keys if metadata[key] not in (None, {}, [])}


def owned(metadata: Mapping[str, Any]) -> Object:
    """Return the metadata that the server owns."""
    return {key: metadata[key] for key in metadata if key in OWNED}


def content(obj: Mapping[str, Any]) -> Object:
    """Return everything but the head and the status: in practice the spec."""
    return {key: value for key, value in obj.items() if key not in (*FIRST, "status")}


def status(obj: Mapping[str, Any]) -> Object:
    """Return `{"status": …}`, or nothing where the object has none."""
    return {"status": obj["status"]} if obj.get("status") is not None else {}


def without_status(obj: Mapping[str, Any]) -> Object:
    """Return the object without its status."""
    return {key: value for key, value in obj.items() if key != "status"}


def stamped(obj: Mapping[str, Any], resource_version: int | str | None) -> Object:
    """Return the object with this resourceVersion; None leaves it out."""
    metadata = {k: v for k, v in metadata_of(obj).items() if k != "resourceVersion"}
    if resource_version is not None:
        metadata["resourceVersion"] = str(resource_version)
    return {**obj, "metadata": metadata}
