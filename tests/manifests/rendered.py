"""The objects of manifests/, as `kubectl apply -k` would send them: manifests/rendered has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from scripts import manifest_rendering
from scripts.manifest_rendering import FOLDERS

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "manifests"
RUNTIME = MANIFESTS / "runtime"
VARIANTS = ("base", "namespaced", "grpc")
OVERLAYS = tuple(folder for folder in FOLDERS if folder.startswith("overlays/"))
Document = dict[str, Any]


@cache
def documents(folder: str) -> list[Document]:
    """Return the objects of a rendering; read once, so copy before you change one."""
    return manifest_rendering.documents(folder)


def read(path: str) -> Any:
    """Return the one object of a file below manifests/runtime."""
    return yaml.safe_load((RUNTIME / path).read_text(encoding="utf-8"))


def rendered(variant: str) -> Any:
    """Return what kustomize makes of a variant of the runtime."""
    (only,) = documents(f"runtime/{variant}")
    return only


def everything() -> Iterator[tuple[str, Document]]:
    """Yield each object of each rendering with a name for messages."""
    for folder in FOLDERS:
        for document in documents(folder):
            yield f"{folder} {document['kind']} {document['metadata']['name']}", document


def of_kind(folder: str, kind: str, name: str = "") -> list[Document]:
    """Return the objects of a kind, and of a name, in a rendering."""
    found = [each for each in documents(folder) if each["kind"] == kind]
    return [each for each in found if name in ("", each["metadata"]["name"])]


def pod_of(document: Document) -> Document:
    """Return what an object says of its pods; {} where it makes none."""
    spec = document.get("spec") or {}
    if document["kind"] == "InferenceService":
        return {}
    found: Document = spec if "containers" in spec else (spec.get("template") or {}).get("spec", {})
    return found


def containers(pod: Document) -> list[Document]:
    """Return the containers of a pod, those that run before the others too."""
    return [*pod.get("initContainers", ()), *pod.get("containers", ())]


def container(runtime: Any) -> Any:
    """Return the one container of a runtime."""
    (only,) = runtime["spec"]["containers"]
    return only


def filled(value: Any, name: str) -> Any:
    """Return the value as KServe's controller fills it in for an InferenceService of this name."""
    text = yaml.safe_dump(value).replace("{{.Name}}", name)
    assert not re.search(r"\{\{", text), "a placeholder that nobody fills"
    return yaml.safe_load(text)
