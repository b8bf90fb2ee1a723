"""`/openapi.json`: KServe's own document, with the predictions of our model in place of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.golden import Golden
from serving.predictor.dataplane import DataPlane
from serving.predictor.routes import HEADER_LENGTH
from serving.predictor.schemas import Schema, schemas
from serving.predictor.tensors import USUAL
from serving.predictor.v1 import V1
from serving.signature import MISSING, Column

STOCK_V1 = "/v1/models/{model_name}:predict"
STOCK_V2 = "/v2/models/{model_name}/infer"
SHOWN_ROWS = 2

REFUSALS = {
    "400": "The request does not fit the model; the sentence names row, column and value.",
    "404": "There is no such model.",
    "408": "The request was not whole in time.",
    "413": "The request is larger than the limit.",
    "500": "The model could not answer.",
    "503": "Too many requests are under way.",
}
RETRY = {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}}


def document(
    stock: Mapping[str, Any], name: str, plane: DataPlane, golden: Golden
) -> dict[str, Any]:
    """Return KServe's OpenAPI document with the two addresses of the model `name` described."""
    paths = {k: v for k, v in stock["paths"].items() if k not in (STOCK_V1, STOCK_V2)}
    own = {
        f"/v1/models/{name}:predict": {"post": _v1(name, plane, golden)},
        f"/v2/models/{name}/infer": {"post": _v2(plane, golden)},
    }
    card = plane.served.card
    about = f"{card.kind}, version {card.version}, made {card.created_at}"
    info = {**stock["info"], "title": name, "description": about}
    return {**stock, "info": info, "paths": {**own, **paths}}


def rows(columns: tuple[Column, ...], golden: Golden, count: int) -> list[dict[str, Any]]:
    """Return the first golden rows as a client would write them."""
    cells = [
        [_cell(column, value) for value in golden.columns[column.name].ravel()[:count].tolist()]
        for column in columns
    ]
    names = [column.name for column in columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]


def _cell(column: Column, value: Any) -> Any:
    if value == MISSING or value != value:
        return None
    kinds = {"integer": int, "boolean": bool}
    return kinds[column.kind](value) if column.kind in kinds else value


def _v1(name: str, plane: DataPlane, golden: Golden) -> Schema:
    served, card = plane.served, plane.served.card
    known = schemas(card, plane.outputs)
    shown = rows(card.signature.inputs, golden, SHOWN_ROWS)
    request, answer = _content(known.v1_request), _content(known.v1_answer)
    if shown:
        request["application/json"]["example"] = {"instances": shown}
        answered = served.answer({key: cells[:SHOWN_ROWS] for key, cells in golden.columns.items()})
        v1 = V1(name, card, plane.reader, plane.outputs)
        answer["application/json"]["example"] = v1.value(answered)
    return _operation("V1", f"Predict with {name}", request, answer)


def _v2(plane: DataPlane, golden: Golden) -> Schema:
    known = schemas(plane.served.card)
    columns = plane.served.card.signature.inputs
    raw = {"schema": {"type": "string", "format": "binary"}}
    request, answer = _content(known.v2_request), _content(known.v2_answer)
    if shown := rows(columns, golden, SHOWN_ROWS):
        tensors = [_tensor(column, [row[column.name] for row in shown]) for column in columns]
        request["application/json"]["example"] = {"id": "mine", "inputs": tensors}
    request["application/octet-stream"] = answer["application/octet-stream"] = raw
    length = HEADER_LENGTH.decode()
    described = "The length of the JSON part, where raw tensors follow it."
    header = {"name": length, "in": "header", "description": described}
    operation = _operation("V2", "Infer by the Open Inference Protocol", request, answer)
    return {**operation, "parameters": [{**header, "schema": {"type": "integer"}}]}


def _tensor(column: Column, cells: list[Any]) -> Schema:
    datatype = USUAL[column.kind]
    return {"name": column.name, "shape": [len(cells)], "datatype": datatype, "data": cells}


def _content(schema: Schema) -> dict[str, Schema]:
    return {"application/json": {"schema": schema}}


def _operation(tag: str, summary: str, request: Schema, answer: Schema) -> Schema:
    error = {"error": {"type": "string"}}
    refused = {"type": "object", "required": ["error"], "properties": error}
    refusals = {
        code: {"description": text, "content": _content(refused)} for code, text in REFUSALS.items()
    }
    refusals["503"]["headers"] = RETRY
    return {
        "tags": [tag],
        "summary": summary,
        "operationId": f"predict_{tag.lower()}",
        "requestBody": {"required": True, "content": request},
        "responses": {"200": {"description": "The answer.", "content": answer}, **refusals},
    }
