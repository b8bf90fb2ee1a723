"""What a model takes and answers, as JSON Schema (2020-12, as OpenAPI 3.1 uses it), from its card.

`task` in the card chooses what makes the inputs' part: `INPUTS` has an entry for each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from serving.card import Card
from serving.errors import ModelError
from serving.image_signature import IMAGE
from serving.predictor.cells import LIMIT
from serving.predictor.outputs import NUMBER, OUTPUTS, Outputs
from serving.predictor.tensors import DATATYPES, NUMERIC, USUAL
from serving.predictor.v2_answers import label_datatype
from serving.signature import Column, ColumnKind

Schema = dict[str, Any]


class Inputs(NamedTuple):
    """One item of V1's `instances`, and the list of V2's `inputs`."""

    instance: Schema
    tensors: Schema


class Schemas(NamedTuple):
    """The bodies of both protocols."""

    v1_request: Schema
    v1_answer: Schema
    v2_request: Schema
    v2_answer: Schema


def schemas(card: Card, outputs: Outputs = OUTPUTS) -> Schemas:
    """Return the schemas of a model's requests, and of answers that hold `outputs` unasked."""
    inputs = INPUTS[card.task](card) if card.task in INPUTS else Inputs({}, _list({}))
    answers = _v1_answer(card, outputs), _v2_answer(card)
    known = NUMBER if card.signature.is_number else OUTPUTS
    return Schemas(_v1_request(inputs), answers[0], _v2_request(inputs, known), answers[1])


def tabular(card: Card) -> Inputs:
    """Return the inputs of a model that takes columns."""
    columns = card.signature.inputs
    tensors: list[Schema] = [_tensor(column) for column in columns]
    if all(column.kind != "text" for column in columns):
        tensors.append(_matrix(columns))
    return Inputs({"anyOf": [_object(columns), _row(columns)]}, _list({"anyOf": tensors}))


def image(card: Card) -> Inputs:
    """Return the inputs of a model that takes pictures."""
    picture = card.signature.image
    if picture is None:
        raise ModelError(f"The card of {card.name} has no image; package the model again.")
    base64 = {"type": "string", "contentEncoding": "base64", "title": "JPEG or PNG"}
    file = {"type": "object", "required": ["b64"], "properties": {"b64": base64}}
    bare: Schema = {"anyOf": [file, _nested(picture.shape)], "title": f"{picture}"}
    named = {"type": "object", "required": [IMAGE], "properties": {IMAGE: bare}}
    shapes = [_shape([{"const": size} for size in picture.shape])]
    shapes.append(_shape([{"const": picture.values}]))
    name, numbers = {"type": "string"}, ["FP16", "FP32", "FP64", "UINT8"]
    tensors = [_tensor_of(name, numbers, {"anyOf": shapes}, "Numbers, or UINT8 pixels")]
    tensors.append(_tensor_of(name, ["BYTES"], _shape([]), "JPEG or PNG files"))
    return Inputs({"anyOf": [bare, named]}, {**_list({"anyOf": tensors}), "maxItems": 1})


def _nested(sizes: tuple[int, ...]) -> Schema:
    """Return lists in lists of numbers, of these lengths from the outside to the inside."""
    schema: Schema = {"type": "number"}
    for size in reversed(sizes):
        schema = {"type": "array", "items": schema, "minItems": size, "maxItems": size}
    return schema


INPUTS: dict[str, Callable[[Card], Inputs]] = {
    "tabular": tabular,
    "tabular-regression": tabular,
    "image": image,
}


def column_schema(column: Column) -> Schema:
    """Return what a cell of the column may be."""
    schema: Schema = {**_KINDS[column.kind], "title": column.name}
    if column.categories:
        schema["enum"] = list(column.categories)
    if column.minimum is not None and column.maximum is not None:
        schema["description"] = f"Seen in training: {column.minimum:g} to {column.maximum:g}."
    return _nullable(schema) if column.nullable else schema


_KINDS: dict[ColumnKind, Schema] = {
    "number": {"type": "number", "minimum": -LIMIT, "maximum": LIMIT},
    "integer": {"type": "integer", "minimum": -LIMIT, "maximum": LIMIT},
    "boolean": {"type": ["boolean", "integer"], "enum": [True, False, 0, 1]},
    "text": {"type": "string"},
}


def _nullable(schema: Schema) -> Schema:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    nullable = {**schema, "type": [*kinds, "null"]}
    return {**nullable, "enum": [*schema["enum"], None]} if "enum" in schema else nullable


def _object(columns: tuple[Column, ...]) -> Schema:
    properties = {column.name: column_schema(column) for column in columns}
    return {"title": "Row by column name", **_exactly(properties)}


def _row(columns: tuple[Column, ...]) -> Schema:
    return {
        "title": "Row in the order of the columns",
        "type": "array",
        "prefixItems": [column_schema(column) for column in columns],
        "minItems": len(columns),
        "maxItems": len(columns),
    }


def _tensor(column: Column) -> Schema:
    return _tensor_of(
        {"const": column.name},
        sorted(DATATYPES[column.kind]),
        {"anyOf": [_shape([]), _shape([{"const": 1}])]},
        f"Column {column.name!r}: one tensor [n] or [n, 1], usually {USUAL[column.kind]}",
    )


def _matrix(columns: tuple[Column, ...]) -> Schema:
    names = [column.name for column in columns]
    name = {"type": "string", "not": {"enum": names}}
    title = "All columns side by side, in the order of the columns"
    return _tensor_of(name, sorted(NUMERIC), _shape([{"const": len(columns)}]), title)


def _tensor_of(name: Schema, datatypes: list[str], shape: Schema, title: str) -> Schema:
    size = {"type": "object", "properties": {"binary_data_size": {"type": "integer"}}}
    tensor = {
        "name": name,
        "shape": shape,
        "datatype": {"enum": datatypes},
        "data": {"type": "array", "description": "Absent where the data follow as raw bytes."},
        "parameters": size,
    }
    required = ["name", "shape", "datatype"]
    return {"title": title, "type": "object", "required": required, "properties": tensor}


def _shape(rest: list[Schema]) -> Schema:
    width = 1 + len(rest)
    first = {"type": "integer", "minimum": 1}
    return {"type": "array", "prefixItems": [first, *rest], "minItems": width, "maxItems": width}


def _v1_request(inputs: Inputs) -> Schema:
    properties = {"instances": _list(inputs.instance)}
    return {"type": "object", "required": ["instances"], "properties": properties}


def _v1_answer(card: Card, outputs: Outputs) -> Schema:
    labels = list(card.signature.labels)
    own: Schema = {"model_name": {"type": "string"}, "model_version": {"type": "string"}}
    if card.signature.is_number:
        return _exactly({"predictions": _list({"type": "number"}), **own})
    probabilities, label = _list(_probabilities(len(labels))), _list({"enum": labels})
    predictions = {"predictions": label, "probabilities": probabilities}
    if len(outputs) == 1:
        predictions = {"predictions": label if outputs == ("label",) else probabilities}
    return _exactly(
        {
            **predictions,
            "classes": {"const": labels},
            **own,
        }
    )


def _probabilities(classes: int) -> Schema:
    cell = {"type": "number", "description": "In the order of `classes`."}
    return {"type": "array", "items": cell, "minItems": classes, "maxItems": classes}


def _v2_request(inputs: Inputs, known: Outputs) -> Schema:
    output = {"name": {"enum": list(known)}, "parameters": {"type": "object"}}
    properties = {
        "id": {"type": "string"},
        "inputs": inputs.tensors,
        "outputs": {"type": "array", "items": {"type": "object", "properties": output}},
        "parameters": {"type": "object"},
    }
    return {"type": "object", "required": ["inputs"], "properties": properties}


def _v2_answer(card: Card) -> Schema:
    signature = card.signature
    kinds = [] if signature.is_number else [label_datatype(signature.labels).decode()]
    output = {
        "name": {"enum": list(NUMBER if signature.is_number else OUTPUTS)},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "datatype": {"enum": [*kinds, "FP32"]},
        "parameters": {"type": ["object", "null"]},
        "data": {"type": "array"},
    }
    required = ["name", "shape", "datatype"]
    item = {"type": "object", "required": required, "properties": output}
    properties = {
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "id": {"type": "string"},
        "parameters": {"type": ["object", "null"]},
        "outputs": _list(item),
    }
    return {"type": "object", "required": ["id", "outputs"], "properties": properties}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item, "minItems": 1}


def _exactly(properties: dict[str, Schema]) -> Schema:
    required = list(properties)
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }
