"""What KServe's own clients are told beyond the usual answer: readiness, names, ids, errors."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from serving.errors import ModelError
from serving.predictor.served import load
from tests.serving.predictor.conformance.doors import Doors
from tests.serving.predictor.running import ROW, infer_request

pytestmark = pytest.mark.e2e

ABSENT = "Model with name zz does not exist."
LACKING = "The request lacks the input 'member', 'town'"


def rest(protocol: str, ask: Callable[[Any], Awaitable[Any]]) -> Any:
    """Return what `ask` gets from KServe's REST client."""
    from kserve import InferenceRESTClient, RESTConfig

    async def asked() -> Any:
        async with InferenceRESTClient(RESTConfig(protocol=protocol)) as client:
            return await ask(client)

    return asyncio.run(asked())


def grpc(doors: Doors, ask: Callable[[Any], Awaitable[Any]]) -> Any:
    """Return what `ask` gets from KServe's gRPC client."""
    from kserve import InferenceGRPCClient

    async def asked() -> Any:
        client = InferenceGRPCClient(doors.grpc)
        try:
            return await ask(client)
        finally:
            await client.close()

    return asyncio.run(asked())


def changed(binary: bool = False, **attributes: Any) -> Any:
    """`ROW` as a request, some of its attributes replaced."""
    request = infer_request(binary)
    for name, value in attributes.items():
        setattr(request, name, value)
    return request


def lacking(binary: bool = False) -> Any:
    request = infer_request(binary)
    request.inputs = request.inputs[:2]
    return request


@pytest.mark.parametrize(
    ("protocol", "question", "expected"),
    [
        ("v1", "is_server_live", True),
        ("v2", "is_server_live", True),
        ("v2", "is_server_ready", True),
    ],
)
def test_the_server_is_live_and_ready(
    doors: Doors, protocol: str, question: str, expected: bool
) -> None:
    url = doors.predictor.url
    assert rest(protocol, lambda client: getattr(client, question)(url)) is expected
    assert grpc(doors, lambda client: getattr(client, question)()) is expected


def test_the_model_is_ready_and_another_is_not(doors: Doors) -> None:
    import httpx
    from grpc import RpcError, StatusCode

    url = doors.predictor.url
    for protocol in ("v1", "v2"):
        assert rest(protocol, lambda client: client.is_model_ready(url, "people"))
    assert rest("v2", lambda client: client.is_model_ready(url, "zz")) is False
    with pytest.raises(httpx.HTTPStatusError, match=ABSENT):
        rest("v1", lambda client: client.is_model_ready(url, "zz"))
    assert grpc(doors, lambda client: client.is_model_ready("people"))
    with pytest.raises(RpcError) as caught:
        grpc(doors, lambda client: client.is_model_ready("zz"))
    assert (caught.value.code(), caught.value.details()) == (StatusCode.NOT_FOUND, ABSENT)


@pytest.mark.parametrize("binary", [False, True])
def test_by_either_door_an_answer_names_model_and_version_and_repeats_the_id(
    doors: Doors, binary: bool
) -> None:
    _, v1 = doors.predictor.v1({"instances": [ROW]})
    request = changed(binary, id="mine")
    url = doors.predictor.url
    by_rest = rest("v2", lambda client: client.infer(url, request, model_name="people"))
    by_grpc = grpc(doors, lambda client: client.infer(changed(binary, id="mine")))
    # KServe's REST client reads everything but the version.
    assert by_grpc.model_version == "3"
    for answer in (by_rest, by_grpc):
        assert (answer.id, answer.model_name) == ("mine", "people")
        label, probabilities = answer.outputs
        assert label.as_numpy().tolist() == v1["predictions"]
        assert probabilities.as_numpy()[0] == pytest.approx(v1["probabilities"][0])


def test_without_an_id_it_gets_one(doors: Doors) -> None:
    url = doors.predictor.url
    assert rest("v2", lambda client: client.infer(url, infer_request(True), "people")).id
    assert grpc(doors, lambda client: client.infer(infer_request(True))).id


def test_only_the_output_that_was_asked_for_comes_back(doors: Doors) -> None:
    from kserve import InferRequest
    from kserve.protocol.infer_type import RequestedOutput

    url, inputs = doors.predictor.url, infer_request(True).inputs
    request = InferRequest("people", inputs, request_outputs=[RequestedOutput("label")])
    for answer in (
        rest("v2", lambda client: client.infer(url, request, model_name="people")),
        grpc(doors, lambda client: client.infer(request)),
    ):
        assert [output.name for output in answer.outputs] == ["label"]


@dataclasses.dataclass(frozen=True)
class Wrong:
    """A wrong request: how it is asked, the status of REST, and what is said."""

    protocol: str
    request: Callable[[], Any]
    model: str
    status: int
    words: str


WRONG = {
    "V1, a short row": Wrong("v1", lambda: {"instances": [[1]]}, "people", 400, "has 1 values"),
    "V1, no model": Wrong("v1", lambda: {"instances": [ROW]}, "zz", 404, ABSENT),
    "V2, an input too few": Wrong("v2", lacking, "people", 400, LACKING),
    "V2 binary, an input too few": Wrong("v2", lambda: lacking(True), "people", 400, LACKING),
    "V2, no model": Wrong("v2", lambda: infer_request(False), "zz", 404, ABSENT),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_the_rest_client_raises_the_status_and_the_sentence(doors: Doors, wrong: Wrong) -> None:
    import httpx

    url = doors.predictor.url
    with pytest.raises(httpx.HTTPStatusError, match=wrong.words) as caught:
        rest(
            wrong.protocol,
            lambda client: client.infer(url, wrong.request(), model_name=wrong.model),
        )
    assert caught.value.response.status_code == wrong.status


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (lambda: lacking(True), "INVALID_ARGUMENT", LACKING),
        (lambda: lacking(False), "INVALID_ARGUMENT", LACKING),
        (lambda: changed(model_name="zz"), "NOT_FOUND", ABSENT),
    ],
    ids=["raw, an input too few", "an input too few", "no model"],
)
def test_the_grpc_client_raises_the_code_and_the_sentence(
    doors: Doors, request_: Callable[[], Any], code: str, words: str
) -> None:
    from grpc import RpcError

    with pytest.raises(RpcError) as caught:
        grpc(doors, lambda client: client.infer(request_()))
    assert caught.value.code().name == code
    assert words in caught.value.details()
    assert "Traceback" not in doors.predictor.log.read_text()


def test_an_unknown_output_is_refused_by_either_door(doors: Doors) -> None:
    import httpx
    from grpc import RpcError
    from kserve.protocol.infer_type import RequestedOutput

    request = changed(request_outputs=[RequestedOutput("odd")])
    with pytest.raises(httpx.HTTPStatusError, match='The output "odd" is unknown'):
        rest("v2", lambda client: client.infer(doors.predictor.url, request, model_name="people"))
    with pytest.raises(RpcError, match='The output "odd" is unknown'):
        grpc(doors, lambda client: client.infer(request))


def test_over_grpc_a_failure_of_the_model_is_not_the_clients_fault(mixed_model_dir: Path) -> None:
    from grpc_interceptor.exceptions import Internal

    from serving.predictor.dataplane import DataPlane
    from serving.predictor.model import PredictorModel

    class Broken(DataPlane):
        def now(self, cells: Any) -> Any:
            raise ModelError("the model cannot be asked")

    model = PredictorModel("people", Broken(load(mixed_model_dir), lambda seconds: None))
    with pytest.raises(Internal, match="the model cannot be asked"):
        asyncio.run(model.predict(infer_request(True)))


def test_grpc_tells_the_same_metadata_as_rest(doors: Doors) -> None:
    from google.protobuf.json_format import MessageToDict
    from grpc import insecure_channel
    from kserve.protocol.grpc.grpc_predict_v2_pb2 import ModelMetadataRequest, ServerMetadataRequest
    from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

    with insecure_channel(doors.grpc) as channel:
        stub = GRPCInferenceServiceStub(channel)
        server = MessageToDict(stub.ServerMetadata(ServerMetadataRequest()))
        model = MessageToDict(stub.ModelMetadata(ModelMetadataRequest(name="people")))
    assert server == doors.predictor.ask("GET", "/v2")[1]
    _, expected = doors.predictor.ask("GET", "/v2/models/people")
    for tensor in (*model["inputs"], *model["outputs"]):
        tensor["shape"] = [int(size) for size in tensor["shape"]]
    assert (model["inputs"], model["outputs"]) == (expected["inputs"], expected["outputs"])
