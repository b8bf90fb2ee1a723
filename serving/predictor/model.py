"""KServe's view of a served model: gRPC and CloudEvents come through here to the data plane."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Sequence
from time import perf_counter
from typing import Any

from grpc_interceptor.exceptions import Internal
from kserve import InferInput, InferOutput, InferRequest, InferResponse, Model
from kserve.errors import InferenceError, InvalidInput

from serving.errors import KanaryaError
from serving.image_signature import IMAGE
from serving.predictor.cells import BadRequest
from serving.predictor.dataplane import DataPlane
from serving.predictor.outputs import NUMBER, OUTPUTS, Outputs
from serving.predictor.requests import Checked
from serving.predictor.served import Answer
from serving.predictor.tensors import USUAL, Taking, Tensor, unpacked
from serving.predictor.v1 import V1, parsed
from serving.predictor.v2 import new_id, wanted
from serving.predictor.v2_answers import classes_text, label_datatype

logger = logging.getLogger("kserve")


class PredictorModel(Model):  # type: ignore[misc]
    """Answers V1 dicts with a dict and V2 requests with a response; ready as soon as it exists."""

    def __init__(self, name: str, plane: DataPlane) -> None:
        super().__init__(name)
        self._plane = plane
        self._card = plane.served.card
        self._v1 = V1(name, self._card, plane.reader, plane.outputs)
        self.ready = True

    def preprocess(self, payload: Any, headers: dict[str, str] | None = None) -> Any:
        """Return the payload parsed: KServe hands over raw bytes unless the type is bare JSON."""
        if not isinstance(payload, bytes):
            return payload
        try:
            return parsed(payload)
        except BadRequest as error:
            raise InvalidInput(str(error)) from error

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
        if isinstance(payload, InferRequest):
            return await self._counted("grpc", self._v2(payload))
        return await self._counted("v1", self._event(payload))

    def get_input_types(self) -> list[dict[str, Any]]:
        """Return the inputs for the V2 metadata: one tensor [n, 1] a column, or one of pixels."""
        image = self._card.signature.image
        if image:
            return [{"name": IMAGE, "datatype": "UINT8", "shape": [-1, *image.shape]}]
        return [
            {"name": column.name, "datatype": USUAL[column.kind], "shape": [-1, 1]}
            for column in self._card.signature.inputs
        ]

    def get_output_types(self) -> list[dict[str, Any]]:
        """Return the outputs for the V2 metadata: labels [n] and probabilities [n, k], or [n]."""
        if self._card.signature.is_number:
            return [{"name": NUMBER[0], "datatype": "FP32", "shape": [-1]}]
        labels = self._card.signature.labels
        return [
            {"name": "label", "datatype": label_datatype(labels).decode(), "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, len(labels)]},
        ]

    async def _counted(self, protocol: str, answer: Awaitable[Any]) -> Any:
        began, code = perf_counter(), 500
        try:
            value = await answer
            code = 200
        except BadRequest as error:
            code = 400
            raise InvalidInput(str(error)) from error
        except KanaryaError as error:
            logger.error("%s", error)
            # To gRPC, KServe would tell of it as the client's INVALID_ARGUMENT.
            raise (Internal if protocol == "grpc" else InferenceError)(str(error)) from error
        finally:
            self._plane.tally.protocol(protocol).answered(code, perf_counter() - began)
        return value

    async def _answer(self, cells: Checked) -> Answer:
        return self._plane.now(cells) or await self._plane.answer(cells)

    async def _event(self, payload: Any) -> dict[str, Any]:
        return self._v1.value(await self._answer(self._plane.reader.instances(payload)))

    async def _v2(self, request: InferRequest) -> InferResponse:
        tensors = [_tensor(item, self._plane.reader.taking) for item in request.inputs]
        names = _names(request, self._plane.outputs)
        answer = await self._answer(self._plane.reader.tensors(tensors))
        id_, keeper = request.id or new_id(), self._plane.keeper
        if keeper is not None and (request.id or keeper.gives_ids):
            keeper.keep(id_, answer.probabilities)
        return InferResponse(
            response_id=id_,
            model_name=self.name,
            model_version=self._card.version,
            infer_outputs=[_WRITERS[name](answer) for name in names],
            use_binary_outputs=request.use_binary_outputs,
            requested_outputs=request.request_outputs,
        )


def _tensor(item: InferInput, taking: Taking) -> Tensor:
    tensor = Tensor(item.name, item.datatype, tuple(item.shape), item.data)
    if item._raw_data is not None:
        return unpacked(tensor, item._raw_data, 0, len(item._raw_data), taking)
    cells = list(item.data or ())
    if item.datatype == "BYTES":
        cells = [taking.read(item.name, c) if isinstance(c, bytes) else c for c in cells]
    return tensor._replace(data=cells)


def _names(request: InferRequest, usual: Outputs) -> Sequence[str]:
    """Return the outputs that were asked for; KServe itself sends all there are over gRPC."""
    if not request.request_outputs:
        return usual
    asked = [{"name": output.name} for output in request.request_outputs]
    known = NUMBER if usual == NUMBER else OUTPUTS
    return [name for name, _ in wanted(asked, False, known)]


# Flat lists both: KServe packs lists and arrays differently over gRPC, and fails on one case.
def _label(answer: Answer) -> InferOutput:
    labels = answer.labels
    return InferOutput("label", [len(labels)], label_datatype(answer.classes).decode(), labels)


def _probabilities(answer: Answer) -> InferOutput:
    cells = answer.probabilities.ravel().tolist()
    output = InferOutput("probabilities", list(answer.probabilities.shape), "FP32", cells)
    output.parameters = {"classes": classes_text(answer.classes)}
    return output


def _prediction(answer: Answer) -> InferOutput:
    cells = answer.probabilities.ravel().tolist()
    return InferOutput(NUMBER[0], [len(cells)], "FP32", cells)


_WRITERS = {"label": _label, "probabilities": _probabilities, NUMBER[0]: _prediction}
