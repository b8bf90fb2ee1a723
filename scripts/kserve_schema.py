"""KServe's API as a JSON Schema, derived from the models that its Python package carries.

The CRD is two megabytes; the same fields are in `kserve/models`, which is generated from the same
Go types. The files are read, not imported: importing kserve takes seconds.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_SCALARS = {"str": "string", "int": "integer", "bool": "boolean", "float": "number"}
_REQUIRED = re.compile(r"Invalid value for `(\w+)`, must not be `None`")
Core = Callable[[str], "str | None"]
"""The reference to a type of Kubernetes by its model's name; None where there is none."""


def name(api_version: str, kind: str) -> str:
    """Return what the models call a kind: V1beta1InferenceService."""
    return f"{api_version.rpartition('/')[2].capitalize()}{kind}"


def definitions(core: Core) -> dict[str, Any]:
    """Return the schema of every model by its name. Raises LookupError without the package."""
    spec = find_spec("kserve")
    if spec is None or spec.origin is None:
        raise LookupError("the package kserve is not installed")
    folder = Path(spec.origin).parent / "models"
    found: dict[str, Any] = {}
    for file in sorted(folder.glob("v1*.py")):
        text = file.read_text(encoding="utf-8")
        tables = _tables(text)
        if tables:
            found[tables["name"]] = _schema(tables, set(_REQUIRED.findall(text)), core)
    return found


def _tables(text: str) -> dict[str, Any]:
    """Return a model's name and its two tables, {} where the file has none."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef):
            tables = {
                target.id: ast.literal_eval(each.value)
                for each in node.body
                if isinstance(each, ast.Assign)
                for target in each.targets
                if isinstance(target, ast.Name)
            }
            return {"name": node.name, **tables}
    return {}


def _schema(tables: Mapping[str, Any], required: set[str], core: Core) -> dict[str, Any]:
    keys: Mapping[str, str] = tables["attribute_map"]
    types: Mapping[str, str] = tables["openapi_types"]
    return {
        "type": "object",
        "properties": {keys[each]: _of(kind, core) for each, kind in types.items()},
        "required": sorted(keys[each] for each in required & keys.keys()),
        "additionalProperties": False,
    }


def _of(kind: str, core: Core) -> dict[str, Any]:
    """Return the schema of a type as the models write it: list[V1EnvVar], dict(str, str)."""
    if kind.startswith("list["):
        return {"type": "array", "items": _of(kind[5:-1], core)}
    if kind.startswith("dict("):
        return {"type": "object", "additionalProperties": _of(kind[5:-1].split(", ")[1], core)}
    if kind in _SCALARS:
        return {"type": _SCALARS[kind]}
    if reference := core(kind):
        return {"$ref": reference}
    # What is neither (a quantity, a condition of Knative's) may be anything.
    return {"$ref": f"#/{kind}"} if re.match(r"V1(alpha|beta)\d", kind) else {}
