"""The OpenAPI v3 documents that `kubectl apply`, `diff` and `explain` ask for."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from serving.local.resources import INFERENCE_SERVICES, RESOURCES, Resource
from serving.local.schema import INFERENCE_SERVICE, open_object

Document = dict[str, Any]

FLAGS = ("dryRun", "fieldManager", "fieldValidation", "force", "pretty")
SCHEMAS = {INFERENCE_SERVICES.plural: INFERENCE_SERVICE}

NOTHING_V2 = b"\n\x032.0"
"""An OpenAPI v2 document without kinds, as the protobuf that kubectl reads. It asks for it before
it names a kind that is not here; without, it would say that it cannot download OpenAPI."""


def index() -> Document:
    """Return what `/openapi/v3` answers: one document for each group and version."""
    paths = {}
    for root in sorted({resource.path for resource in RESOURCES}):
        text = json.dumps(document(root), sort_keys=True).encode()
        address = f"/openapi/v3{root}?hash={hashlib.sha256(text).hexdigest()}"
        paths[root.removeprefix("/")] = {"serverRelativeURL": address}
    return {"paths": paths}


def document(root: str) -> Document:
    """Return the document of the group and version at `root`, such as `/api/v1`."""
    resources = [resource for resource in RESOURCES if resource.path == root]
    paths: Document = {}
    for resource in resources:
        paths |= paths_of(resource)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kanarya local control plane", "version": "v1"},
        "paths": paths,
        "components": {"schemas": {schema_name(r): schema_of(r) for r in resources}},
    }


def paths_of(resource: Resource) -> Document:
    """Return the paths of one kind; kubectl looks here for what it may send."""
    inside = "/namespaces/{namespace}" if resource.namespaced else ""
    collection = f"{resource.path}{inside}/{resource.plural}"
    reading, writing = operation(resource, "get", ()), operation(resource, "patch", FLAGS)
    # kubectl looks for it before it sends anything, so that the server can say what it thinks.
    one: Document = {"get": reading, "patch": writing}
    many: Document = {"get": operation(resource, "list", ())}
    if resource.writable:
        one |= {"put": operation(resource, "put", FLAGS)}
        many |= {"post": operation(resource, "post", FLAGS)}
    return {collection: many, f"{collection}/{{name}}": one}


def operation(resource: Resource, action: str, flags: tuple[str, ...]) -> Document:
    """Return one method of a path."""
    reference = {"$ref": f"#/components/schemas/{schema_name(resource)}"}
    content = {"application/json": {"schema": reference}}
    return {
        "operationId": f"{action}{resource.kind}",
        "parameters": [
            {"name": flag, "in": "query", "schema": {"type": "string"}} for flag in flags
        ],
        "responses": {"200": {"description": "OK", "content": content}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": kind_of(resource),
    }


def schema_of(resource: Resource) -> Document:
    """Return the schema of one kind; where we have none, any object."""
    schema = SCHEMAS.get(resource.plural) or open_object(f"A {resource.kind}.")
    return {**schema, "x-kubernetes-group-version-kind": [kind_of(resource)]}


def kind_of(resource: Resource) -> Document:
    """Return group, version and kind as OpenAPI extensions write them."""
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def schema_name(resource: Resource) -> str:
    """Return the name of a kind among the schemas: `io.kserve.serving.v1beta1.InferenceService`."""
    group = ".".join(reversed((resource.group or "core.k8s.io").split(".")))
    return f"{group}.{resource.version}.{resource.kind}"
