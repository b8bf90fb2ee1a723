"""What the API tells about itself: versions, groups and the kinds in them."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from typing import Any

from serving.local.resources import RESOURCES, Resource

Document = dict[str, Any]

READING = ("get", "list", "watch")
WRITING = ("create", "delete", "deletecollection", "patch", "update")


def version() -> Document:
    """Return what `/version` answers; clients compare it with their own to warn of old servers."""
    return {
        "major": "1",
        "minor": "32",
        "gitVersion": "v1.32.0+kanarya",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": f"{platform.system().lower()}/{platform.machine()}",
    }


def core_versions() -> Document:
    """Return what `/api` answers."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def groups() -> Document:
    """Return what `/apis` answers: every group but the core group."""
    names = sorted({resource.group for resource in RESOURCES if resource.group})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(name) for name in names]}


def group(name: str) -> Document:
    """Return what `/apis/<name>` answers."""
    found = sorted({r.api_version for r in RESOURCES if r.group == name})
    versions = [{"groupVersion": v, "version": v.rpartition("/")[2]} for v in found]
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": name,
        "versions": versions,
        "preferredVersion": versions[0],
    }


def resource_list(root: str) -> Document:
    """Return what the root of a group and version answers: the kinds in it."""
    found = [resource for resource in RESOURCES if resource.path == root]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": found[0].api_version,
        "resources": [entry for resource in found for entry in entries(resource)],
    }


def entries(resource: Resource) -> Iterable[Document]:
    """Yield the kind, and its status where clients may write that."""
    common = {"singularName": "", "namespaced": resource.namespaced, "kind": resource.kind}
    verbs = (*READING, *WRITING) if resource.writable else READING
    yield {
        **common,
        "name": resource.plural,
        "singularName": resource.singular,
        "verbs": sorted(verbs),
        "shortNames": list(resource.short_names),
        "categories": list(resource.categories),
    }
    if resource.writable and resource.has_status:
        yield {**common, "name": f"{resource.plural}/status", "verbs": ["get", "patch", "update"]}
