"""What can be filled in, made from the JSON Schema of a spec: it alone says what there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import yaml

from components.image_models import HYPERPARAMETERS as IMAGES
from components.models import HYPERPARAMETERS as TABLES
from pipelines import yaml_text
from pipelines.spec import TASKS, schema
from serving.errors import UsageError

Kind = Literal["integer", "number", "boolean", "choice", "text", "yaml"]
PARTS = ("split", "tune", "gate", "serving", "rollout", "retrain", "pods")
"""The parts of a spec that have a card of their own, folded away."""


@dataclass(frozen=True)
class Field:
    """One thing to fill in; what is left empty takes its default.

    `path`: where it stands in the spec. `least`, `most`: bounds, which may be allowed or not.
    `yaml`: a list, a mapping, or one of several kinds of values.
    """

    path: str
    kind: Kind
    help: str = ""
    default: Any = None
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    required: bool = False

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition(".")[2]

    @property
    def group(self) -> str:
        """What lies between the part and the name: `champion` of gate.champion.alpha."""
        return ".".join(self.path.split(".")[1:-1])


def kinds(task: str) -> tuple[str, ...]:
    """Return the model kinds of a task."""
    return tuple(IMAGES if task == "image" else TABLES[task])


def about(task: str, kind: str) -> str:
    """Return what a kind is, in a sentence."""
    return str(_definition(task, kind).get("description", ""))


def hyperparameters(task: str, kind: str) -> tuple[Field, ...]:
    """Return what can be asked of a kind."""
    return tuple(_fields(_definition(task, kind), "model.hyperparameters"))


def part(task: str, name: str) -> tuple[Field, ...]:
    """Return what can be filled in of a part of the spec; first those of no group."""
    definition = _schema()["$defs"][TASKS[task].__name__]
    given = definition["properties"].get(name)
    found = _fields(_resolved(given), name) if given else ()
    return tuple(sorted(found, key=lambda each: each.group))


def read(field: Field, text: object) -> Any:
    """Return what was filled in as the spec has it. Raises UsageError."""
    if field.kind == "integer" and isinstance(text, float) and text.is_integer():
        return int(text)
    if field.kind != "yaml" or not isinstance(text, str):
        return text
    try:
        value = yaml_text.value_of(text)
    except UsageError as error:
        raise UsageError(f"{field.name}: {text!r} is not YAML, such as [1, 2] or a: 1") from error
    listed = isinstance(field.default, list) and not text.lstrip().startswith(("[", "-"))
    if listed and isinstance(value, int | float | str) and not isinstance(value, bool):
        return [yaml_text.value_of(each) for each in text.split(",")]
    return value


def shown(value: object) -> str:
    """Return a value as it is written into a field."""
    if isinstance(value, str):
        return value
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
    return text.removesuffix("...\n").strip()


@lru_cache(maxsize=1)
def _schema() -> dict[str, Any]:
    return schema()


def _definition(task: str, kind: str) -> dict[str, Any]:
    models = IMAGES if task == "image" else TABLES[task]
    return _of_model(models[kind])


@lru_cache(maxsize=64)
def _of_model(model: Any) -> dict[str, Any]:
    return dict(model.model_json_schema())


def _fields(definition: Mapping[str, Any], path: str) -> Iterator[Field]:
    required = definition.get("required", ())
    for name, given in definition.get("properties", {}).items():
        below = _resolved(given)
        if "properties" in below:
            yield from _fields(below, f"{path}.{name}")
        else:
            yield _field(f"{path}.{name}", below, required=name in required)


def _resolved(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a property with what it refers to; of one that may be null, the other choice."""
    options = [each for each in given.get("anyOf", ()) if each.get("type") != "null"]
    if len(options) == 1 and "$ref" in options[0]:
        given = {**given, **options[0]}
    reference = given.get("$ref")
    if reference is None:
        return dict(given)
    return {**_schema()["$defs"][reference.rpartition("/")[2]], **given}


def _field(path: str, given: Mapping[str, Any], *, required: bool) -> Field:
    options = given.get("anyOf", [given])
    known = [each for each in options if each.get("type") != "null"]
    nullable = len(known) < len(options)
    one = known[0] if len(known) == 1 else {}
    return Field(
        path=path,
        kind=_kind(one, nullable=nullable, default=given.get("default")),
        help=str(given.get("description", "")),
        default=given.get("default"),
        least=one.get("minimum", one.get("exclusiveMinimum")),
        most=one.get("maximum", one.get("exclusiveMaximum")),
        choices=tuple(map(str, one.get("enum", [one["const"]] if "const" in one else []))),
        required=required,
    )


def _kind(one: Mapping[str, Any], *, nullable: bool, default: object) -> Kind:
    if "enum" in one or "const" in one:
        return "choice"
    kind = one.get("type")
    if nullable and default is not None:
        return "yaml"  # null is a value of its own, and empty is the default
    if kind in ("integer", "number", "boolean"):
        return kind  # type: ignore[no-any-return]
    return "text" if kind == "string" else "yaml"
