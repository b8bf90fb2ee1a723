"""A real predictor process, asked for the same pictures in every way that clients have."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.artifact import publish, seal
from serving.image_signature import IMAGE, encode_images
from serving.onnx_model import OnnxModel
from tests.serving.imagedirs import LABELS, SMALL, build, file, graph, pixels
from tests.serving.predictor.running import Predictor, command, end, wait_for

pytestmark = pytest.mark.e2e

SENT = pixels(SMALL, 3, seed=11)
READY = encode_images(SMALL, SENT)


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Predictor, int, np.ndarray]]:
    """A predictor of images with gRPC, its gRPC port, and the probabilities for `SENT`."""
    home = tmp_path_factory.mktemp("pets")
    publish(build(home / "packaged", "pets"), home / "2", "2")
    expected = OnnxModel.load(home / "2").run({IMAGE: READY})
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = ["--enable_grpc", "true", "--grpc_port", str(port)]
    with Predictor(home / "2", "pets", home / "log", *flags) as predictor:
        yield predictor.wait(), port, expected


def files() -> list[bytes]:
    return [file(picture) for picture in SENT]


def texts() -> list[str]:
    return [base64.b64encode(data).decode() for data in files()]


def tensor(datatype: str, shape: tuple[int, ...], data: Any) -> Any:
    return {"inputs": [{"name": "x", "datatype": datatype, "shape": shape, "data": data}]}


def test_v1_takes_numbers_and_files(pets: tuple[Predictor, int, np.ndarray]) -> None:
    predictor, _, expected = pets
    for instances in (
        READY.tolist(),
        [{"b64": text} for text in texts()],
        [{"image": {"b64": text}} for text in texts()],
    ):
        status, answer = predictor.v1({"instances": instances})
        assert status == 200, answer
        assert answer["predictions"] == [LABELS[i] for i in expected.argmax(axis=1)]
        assert (answer["classes"], answer["model_version"]) == ([*LABELS], "2")
        np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("datatype", "shape", "data"),
    [
        ("UINT8", SENT.shape, SENT.ravel().tolist()),
        ("UINT8", SENT.shape, SENT.tolist()),
        ("FP32", READY.shape, READY.ravel().tolist()),
        ("FP64", (3, 60), READY.reshape(3, 60).tolist()),
        ("BYTES", (3,), texts()),
    ],
)
def test_v2_json_takes_pixels_numbers_and_files(
    pets: tuple[Predictor, int, np.ndarray], datatype: str, shape: Any, data: Any
) -> None:
    predictor, _, expected = pets
    status, answer = predictor.v2(tensor(datatype, shape, data))
    assert status == 200, answer
    label, probabilities = answer["outputs"]
    assert label["data"] == [LABELS[i] for i in expected.argmax(axis=1)]
    assert probabilities["shape"] == [3, 3]
    np.testing.assert_allclose(np.reshape(probabilities["data"], (3, 3)), expected, atol=1e-6)


def infer_request(datatype: str, cells: np.ndarray, binary: bool) -> Any:
    from kserve import InferInput, InferRequest

    item = InferInput("input-0", list(cells.shape), datatype)
    item.set_data_from_numpy(cells, binary_data=binary)
    return InferRequest("pets", [item], parameters={"binary_data_output": binary})


CELLS = {
    "UINT8": SENT,
    "FP16": READY.astype(np.float16),
    "FP32": READY,
    "FP64": READY.astype(np.float64),
    "BYTES": np.array(files(), dtype=object),
}


@pytest.mark.parametrize("datatype", CELLS)
def test_kserves_clients_send_binary_tensors_by_rest_and_grpc(
    pets: tuple[Predictor, int, np.ndarray], datatype: str
) -> None:
    from kserve import InferenceGRPCClient, InferenceRESTClient, RESTConfig

    predictor, port, expected = pets

    async def ask() -> tuple[Any, Any]:
        request = infer_request(datatype, CELLS[datatype], binary=True)
        async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
            rest = await client.infer(predictor.url, request, model_name="pets")
        request = infer_request(datatype, CELLS[datatype], binary=True)
        return rest, await InferenceGRPCClient(f"127.0.0.1:{port}").infer(request)

    tolerance = 1e-3 if datatype == "FP16" else 1e-6
    for answer in asyncio.run(ask()):
        label, probabilities = answer.outputs
        # KServe gives bytes where they came raw, and texts where they came in JSON.
        found = {each if isinstance(each, str) else each.decode() for each in label.as_numpy()}
        assert found == {LABELS[i] for i in expected.argmax(axis=1)}
        np.testing.assert_allclose(probabilities.as_numpy(), expected, atol=tolerance)


@pytest.mark.parametrize("datatype", ["UINT8", "FP32", "FP64", "BYTES"])
def test_grpc_takes_contents_that_are_not_raw(
    pets: tuple[Predictor, int, np.ndarray], datatype: str
) -> None:
    import grpc
    from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
    from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

    _, port, expected = pets
    field = {"UINT8": "uint", "FP32": "fp32", "FP64": "fp64", "BYTES": "bytes"}[datatype]
    item = pb.ModelInferRequest.InferInputTensor(
        name="x", datatype=datatype, shape=CELLS[datatype].shape
    )
    getattr(item.contents, f"{field}_contents").extend(CELLS[datatype].ravel().tolist())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = GRPCInferenceServiceStub(channel)
        answer = stub.ModelInfer(pb.ModelInferRequest(model_name="pets", inputs=[item]))
        item.shape[0] = 4
        with pytest.raises(grpc.RpcError) as refused:
            stub.ModelInfer(pb.ModelInferRequest(model_name="pets", inputs=[item]))
    labels = [each.decode() for each in answer.outputs[0].contents.bytes_contents]
    assert labels == [LABELS[i] for i in expected.argmax(axis=1)]
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_the_metadata_tells_of_pixels(pets: tuple[Predictor, int, np.ndarray]) -> None:
    predictor, _, _ = pets
    status, answer = predictor.ask("GET", "/v2/models/pets")
    assert status == 200
    assert answer["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, 4, 5, 3]}]
    assert [each["name"] for each in answer["outputs"]] == ["label", "probabilities"]


def test_refusals_name_the_image(pets: tuple[Predictor, int, np.ndarray]) -> None:
    predictor, _, _ = pets
    bad = base64.b64encode(files()[0][:50]).decode()
    status, answer = predictor.v1({"instances": [{"b64": texts()[0]}, {"b64": bad}]})
    assert status == 400
    assert answer["error"].startswith("Image 1 (counted from 0): it is damaged or cut off")


def test_a_swapped_model_does_not_start(tmp_path: Path) -> None:
    import subprocess

    directory = build(tmp_path / "pets", "pets")
    (directory / "model.onnx").write_bytes(graph(SMALL, seed=2))
    seal(directory)
    log = tmp_path / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(command(directory), stdout=stream, stderr=stream)
    try:
        wait_for(lambda: process.poll() is not None, "the process ends")
    finally:
        end(process)
    assert process.returncode == 1
    assert "model.onnx answers its golden rows with a difference of" in log.read_text()


def test_metrics_count_classes_and_no_feature(pets: tuple[Predictor, int, np.ndarray]) -> None:
    predictor, _, _ = pets
    predictor.v1({"instances": READY.tolist()})
    status, text = predictor.ask("GET", "/metrics")
    assert status == 200
    assert 'kanarya_predictions_total{label="bird",model="pets",version="2"}' in text
    assert "kanarya_feature_out_of_range_total{" not in text


def test_json_that_is_sent_as_bytes_is_the_same(pets: tuple[Predictor, int, np.ndarray]) -> None:
    predictor, _, expected = pets
    body = json.dumps({"instances": READY.tolist()}, separators=(",", ":")).encode()
    assert predictor.v1(body)[1]["predictions"] == [LABELS[i] for i in expected.argmax(axis=1)]
