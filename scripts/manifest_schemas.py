"""Does an object fit the API that it is sent to? Each field that it has, and each that it needs.

Kubernetes           the OpenAPI documents that the package kubernetes-validate carries
KServe               its client's models, read from the package kserve of the pinned version
Prometheus operator  manifests/schemas/prometheus-operator.json, the part that is used here
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from scripts import kserve_schema
from scripts.manifest_rendering import MANIFESTS

KUBERNETES = "1.33"
"""The release whose API is asked; kubernetes-validate has those from 1.22 on."""
_TYPES = "/api/_definitions.json#/$defs"
"""What the documents call themselves, and so do their references to each other."""
_KSERVE = "/kserve.json"
_OPERATOR = MANIFESTS / "schemas" / "prometheus-operator.json"


def problems(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what of an object its API would refuse or drop, each with its place."""
    who = f"{document['kind']} {document['metadata']['name']}"
    try:
        validator = _validator(document["apiVersion"], document["kind"])
    except LookupError as error:
        yield f"{who}: {error}"
        return
    for found in validator.iter_errors(document):
        yield f"{who}: {found.json_path}: {found.message}"


@cache
def _validator(api_version: str, kind: str) -> Draft202012Validator:
    """Return what checks objects of a kind. Raises LookupError for a kind that nobody knows."""
    group = api_version.partition("/")[0]
    if group == "serving.kserve.io":
        reference = f"{_KSERVE}#/{kserve_schema.name(api_version, kind)}"
    elif group == "monitoring.coreos.com":
        reference = f"/{_OPERATOR.name}#/definitions/{kind}"
    else:
        reference = f"{_TYPES}/{_definition(api_version, kind)}"
    return Draft202012Validator({"$ref": reference}, registry=_registry())


def _definition(api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    wanted = {"group": group, "version": version, "kind": kind}
    for name, schema in _kubernetes()["$defs"].items():
        if wanted in schema.get("x-kubernetes-group-version-kind", ()):
            return str(name)
    raise LookupError(f"Kubernetes {KUBERNETES} has no {kind} in {api_version}")


@cache
def _kubernetes() -> dict[str, Any]:
    folder = resources.files("kubernetes_validate") / "kubernetes-json-schema"
    text = (folder / f"v{KUBERNETES}.0-local-strict" / "_definitions.json").read_text(
        encoding="utf-8"
    )
    found: dict[str, Any] = json.loads(text)
    return found


@cache
def _registry() -> Registry[Any]:
    operator = json.loads(_OPERATOR.read_text(encoding="utf-8"))
    contents = {
        _TYPES.partition("#")[0]: _kubernetes(),
        _KSERVE: kserve_schema.definitions(_core),
        f"/{_OPERATOR.name}": operator,
    }
    made = [(name, DRAFT202012.create_resource(each)) for name, each in contents.items()]
    return Registry[Any]().with_resources(made)


def _core(model: str) -> str | None:
    """Return the reference to a type of Kubernetes that KServe's models name, as V1Container."""
    kind = re.sub(r"^V1", "", model)
    for package in ("io.k8s.api.core.v1", "io.k8s.apimachinery.pkg.apis.meta.v1"):
        if f"{package}.{kind}" in _kubernetes()["$defs"]:
            return f"{_TYPES}/{package}.{kind}"
    return None
