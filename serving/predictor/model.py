"""KServe's view of a served model: a thin adapter from V1 and V2 to columns and back."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any
from uuid import uuid4

import orjson
from kserve import InferInput, InferOutput, InferRequest, InferResponse, Model
from kserve.errors import InferenceError, InvalidInput

from serving.errors import KanaryaError
from serving.predictor.cells import BadRequest
from serving.predictor.requests import Columns, Tensor, from_instances, from_tensors
from serving.predictor.served import Answer, ServedModel
from serving.signature import ColumnKind, Label

INLINE_ROWS = 256
"""Up to here a prediction is quicker than handing it to a thread."""

DATATYPES: dict[ColumnKind, str] = {
    "number": "FP32",
    "integer": "INT64",
    "boolean": "BOOL",
    "text": "BYTES",
}


class PredictorModel(Model):  # type: ignore[misc]
    """Answers V1 dicts with a dict and V2 requests with a response; ready as soon as it exists."""

    def __init__(self, name: str, served: ServedModel) -> None:
        super().__init__(name)
        self._served = served
        self.ready = True

    def preprocess(self, payload: Any, headers: dict[str, str] | None = None) -> Any:
        """Return the payload parsed: KServe hands over raw bytes unless the type is bare JSON."""
        if not isinstance(payload, bytes):
            return payload
        try:
            return orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            raise InvalidInput(f"Unrecognized request format: {error}") from error

    def validate(self, payload: Any) -> Any:
        """Return the payload as it is; `predict` checks it against the signature."""
        return payload

    async def predict(
        self,
        payload: Any,
        headers: dict[str, str] | None = None,
        response_headers: dict[str, str] | None = None,
    ) -> dict[str, Any] | InferResponse:
        """Return the answer in the protocol of the request; 400 and 500 carry one sentence."""
        try:
            if isinstance(payload, InferRequest):
                return await self._v2(payload)
            return await self._v1(payload)
        except BadRequest as error:
            raise InvalidInput(str(error)) from error
        except KanaryaError as error:
            raise InferenceError(str(error)) from error

    def get_input_types(self) -> list[dict[str, Any]]:
        """Return the inputs for the V2 metadata: one tensor [n, 1] a column."""
        return [
            {"name": column.name, "datatype": DATATYPES[column.kind], "shape": [-1, 1]}
            for column in self._served.card.signature.inputs
        ]

    def get_output_types(self) -> list[dict[str, Any]]:
        """Return the outputs for the V2 metadata: labels [n] and probabilities [n, k]."""
        labels = self._served.card.signature.labels
        return [
            {"name": "label", "datatype": _datatype(labels), "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, len(labels)]},
        ]

    async def _v1(self, payload: Any) -> dict[str, Any]:
        card = self._served.card
        answer = await self._answer(from_instances(card.signature.inputs, payload))
        return {
            "predictions": answer.labels,
            "probabilities": answer.probabilities.tolist(),
            "classes": list(card.signature.labels),
            "model_name": self.name,
            "model_version": card.version,
        }

    async def _v2(self, request: InferRequest) -> InferResponse:
        card = self._served.card
        tensors = [_tensor(item) for item in request.inputs]
        answer = await self._answer(from_tensors(card.signature.inputs, tensors))
        return InferResponse(
            # Without an id KServe's own response model fails with a 500.
            response_id=request.id or str(uuid4()),
            model_name=self.name,
            model_version=card.version,
            infer_outputs=_outputs(answer, card.signature.labels),
            use_binary_outputs=request.use_binary_outputs,
            requested_outputs=request.request_outputs,
        )

    async def _answer(self, columns: Columns) -> Answer:
        rows = len(next(iter(columns.values())))
        if rows <= INLINE_ROWS:
            return self._served.answer(columns)
        return await asyncio.to_thread(self._served.answer, columns)


def _tensor(item: InferInput) -> Tensor:
    data = item.data if item._raw_data is None else _unpacked(item)
    if item.datatype == "BYTES":
        data = [_text(item.name, cell) for cell in data]
    return Tensor(name=item.name, datatype=item.datatype, shape=tuple(item.shape), data=data)


def _unpacked(item: InferInput) -> list[object]:
    """Return the cells of a tensor that came as bytes (gRPC; over REST KServe unpacks them)."""
    try:
        cells: list[object] = item.as_numpy().ravel().tolist()
    except (ValueError, TypeError, struct.error) as error:
        raise BadRequest(
            f"Input {item.name!r} has bytes that do not fill its shape {list(item.shape)} "
            f"of {item.datatype}."
        ) from error
    return cells


def _text(name: str, cell: object) -> object:
    try:
        return cell.decode() if isinstance(cell, bytes) else cell
    except UnicodeDecodeError as error:
        raise BadRequest(f"Input {name!r} has a value that is not UTF-8 ({error}).") from error


def _outputs(answer: Answer, labels: tuple[Label, ...]) -> list[InferOutput]:
    # Flat lists both: KServe packs lists and arrays differently over gRPC, and fails on one case.
    cells = answer.probabilities.ravel().tolist()
    classes = json.dumps(list(labels), ensure_ascii=False)
    probabilities = InferOutput("probabilities", list(answer.probabilities.shape), "FP32", cells)
    probabilities.parameters = {"classes": classes}
    label = InferOutput("label", [len(answer.labels)], _datatype(labels), answer.labels)
    return [label, probabilities]


def _datatype(labels: tuple[Label, ...]) -> str:
    kinds = {type(label) for label in labels}
    return {frozenset({int}): "INT64", frozenset({bool}): "BOOL"}.get(frozenset(kinds), "BYTES")
