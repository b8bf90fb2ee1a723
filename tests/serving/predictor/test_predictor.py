"""What the real process answers, asked by plain HTTP and by KServe's own clients."""

import asyncio
import json
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from serving.predictor.served import load
from tests.serving.modeldirs import iris
from tests.serving.predictor.running import FAULT, ROW, Predictor, infer_request, tensor, tensors

pytestmark = pytest.mark.e2e


def test_v1_answers_labels_probabilities_classes_and_the_version(
    people: Predictor, mixed_model_dir: Path
) -> None:
    expected = load(mixed_model_dir).answer({name: [cell] for name, cell in ROW.items()})
    for row in (ROW, dict(reversed(ROW.items())), list(ROW.values())):
        status, answer = people.v1({"instances": [row]})
        assert status == 200
        assert answer == {
            "predictions": expected.labels,
            "probabilities": [pytest.approx(expected.probabilities[0].tolist())],
            "classes": [0, 1],
            "model_name": "people",
            "model_version": "3",
        }


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/octet-stream",
        "text/plain",
    ],
)
def test_v1_takes_json_whatever_the_content_type_says(people: Predictor, content_type: str) -> None:
    status, answer = people.v1({"instances": [ROW]}, **{"content-type": content_type})
    assert (status, answer["model_version"]) == (200, "3")


def test_v2_answers_both_outputs_with_classes_version_and_an_id_of_its_own(
    people: Predictor,
) -> None:
    _, v1 = people.v1({"instances": [ROW]})
    status, answer = people.v2(tensors())
    assert status == 200
    assert answer["model_name"] == "people"
    assert answer["model_version"] == "3"
    assert len(answer["id"]) >= 32
    label, probabilities = answer["outputs"]
    assert (label["name"], label["datatype"], label["shape"]) == ("label", "INT64", [1])
    assert label["data"] == v1["predictions"]
    assert (probabilities["name"], probabilities["shape"]) == ("probabilities", [1, 2])
    assert probabilities["data"] == pytest.approx(v1["probabilities"][0])
    assert json.loads(probabilities["parameters"]["classes"]) == [0, 1]


def test_v2_echoes_the_id_and_gives_only_the_outputs_that_were_asked_for(people: Predictor) -> None:
    _, answer = people.v2({**tensors(), "id": "mine", "outputs": [{"name": "label"}]})
    assert answer["id"] == "mine"
    assert [output["name"] for output in answer["outputs"]] == ["label"]


def test_v2_takes_one_matrix_where_all_columns_are_numeric(flowers: Predictor) -> None:
    cells = np.array(list(iris().columns.values())).T
    sent = tensor("input-0", "FP32", cells.ravel().tolist(), [150, 4])
    status, answer = flowers.v2({"inputs": [sent]})
    assert status == 200
    labels = answer["outputs"][0]
    assert labels["datatype"] == "BYTES"
    assert np.mean(np.array(labels["data"]) == np.array(iris().target)) > 0.95


def test_a_large_batch_gets_the_same_answers(flowers: Predictor) -> None:
    rows = np.array(list(iris().columns.values())).T.tolist()
    _, small = flowers.v1({"instances": rows[:1]})
    status, large = flowers.v1({"instances": rows * 20})
    assert status == 200
    assert len(large["predictions"]) == 3000
    assert large["probabilities"][0] == pytest.approx(small["probabilities"][0])


def test_the_v2_metadata_lists_inputs_and_outputs(people: Predictor) -> None:
    status, answer = people.ask("GET", "/v2/models/people")
    assert status == 200
    assert {item["name"]: item["datatype"] for item in answer["inputs"]} == {
        "age": "FP32",
        "visits": "INT64",
        "member": "BOOL",
        "town": "BYTES",
    }
    assert answer["outputs"] == [
        {"name": "label", "datatype": "INT64", "shape": [-1]},
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]},
    ]


def client_answers(people: Predictor, protocol: str, request: Any) -> Any:
    """Ask with KServe's own asynchronous client."""
    from kserve import InferenceRESTClient, RESTConfig

    async def ask() -> Any:
        async with InferenceRESTClient(RESTConfig(protocol=protocol)) as client:
            assert await client.is_server_live(people.url)
            if protocol == "v2":
                assert await client.is_model_ready(people.url, "people")
            return await client.infer(people.url, request, model_name="people")

    return asyncio.run(ask())


@pytest.mark.parametrize("binary", [False, True])
def test_kserves_client_gets_the_same_answer_by_v1_v2_and_binary_v2(
    people: Predictor, binary: bool
) -> None:
    v1 = client_answers(people, "v1", {"instances": [ROW]})
    v2 = client_answers(people, "v2", infer_request(binary))
    label, probabilities = v2.outputs
    assert label.as_numpy().tolist() == v1["predictions"]
    assert probabilities.as_numpy()[0] == pytest.approx(v1["probabilities"][0])


def test_grpc_answers_as_rest_does_when_it_is_asked_for(
    mixed_model_dir: Path, people: Predictor, tmp_path: Path
) -> None:
    from kserve import InferenceGRPCClient

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = ["--enable_grpc", "true", "--grpc_port", str(port)]

    async def ask() -> Any:
        client = InferenceGRPCClient(f"127.0.0.1:{port}")
        return await client.infer(infer_request(binary=True))

    with Predictor(mixed_model_dir, "people", tmp_path / "log", *flags) as predictor:
        predictor.wait()
        label, probabilities = asyncio.run(ask()).outputs
        listening = [c for c in psutil.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        ours = {c.laddr.ip for c in listening if c.pid == predictor.process.pid}
        assert {ip.removeprefix("::ffff:") for ip in ours} == {"127.0.0.1"}
    _, v1 = people.v1({"instances": [ROW]})
    assert label.as_numpy().tolist() == v1["predictions"]
    assert probabilities.as_numpy()[0] == pytest.approx(v1["probabilities"][0])


def test_faults_are_injected_and_taken_back(people: Predictor) -> None:
    assert people.ask("POST", FAULT, {"error_rate": 1})[0] == 200
    status, answer = people.v1({"instances": [ROW]})
    assert status == 500
    assert "injected on purpose" in answer["error"]
    assert people.ask("GET", "/v2/models/people/ready")[0] == 200
    people.ask("POST", FAULT, {"latency_ms": 100})
    began = time.perf_counter()
    assert people.v2(tensors())[0] == 200
    assert time.perf_counter() - began > 0.1
