"""Triton's own clients, in an environment of their own: they ask, and print what they were told.

`python triton_client.py PEOPLE_HTTP PEOPLE_GRPC IRIS_HTTP IRIS_GRPC` prints one JSON object; it
imports nothing of this project, which that environment does not have.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import tritonclient.grpc as by_grpc
import tritonclient.http as by_http
from tritonclient.utils import InferenceServerException

CELLS = {
    "age": ("FP32", np.array([[30.5], [61.25]], np.float32)),
    "visits": ("INT64", np.array([[2], [9]], np.int64)),
    "member": ("BOOL", np.array([[True], [False]])),
    "town": ("BYTES", np.array([["Izmir"], ["Ankara"]], np.object_)),
}
WIDER = {**CELLS, "age": ("FP64", CELLS["age"][1].astype(np.float64))}


def inputs(kit: Any, cells: Any, **how: Any) -> list[Any]:
    """Return the cells as inputs of one of the two clients."""
    made = [kit.InferInput(name, list(array.shape), kind) for name, (kind, array) in cells.items()]
    for item, (_, array) in zip(made, cells.values(), strict=True):
        item.set_data_from_numpy(array, **how)
    return made


def told(result: Any, kit: Any, asked: Any = ("label", "probabilities")) -> dict[str, Any]:
    """Return an answer as plain values."""
    head = result.get_response() if kit is by_http else result.get_response(as_json=True)
    arrays = {name: result.as_numpy(name) for name in asked}
    return {
        "id": head.get("id"),
        "model_name": head["model_name"],
        "model_version": head["model_version"],
        "names": [output["name"] for output in head["outputs"]],
        "dtypes": {name: str(array.dtype) for name, array in arrays.items()},
        **{name: array.tolist() for name, array in arrays.items()},
    }


def refused(ask: Any) -> list[str]:
    """Return status and sentence of what a client raised."""
    try:
        ask()
    except InferenceServerException as error:
        return [str(error.status()), error.message()]
    return ["no error", ""]


def facts(client: Any) -> dict[str, Any]:
    """Return what a client says of server and model."""
    return {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model": client.is_model_ready("people"),
    }


def http(address: str) -> dict[str, Any]:
    """Ask by REST: JSON and binary, in and out."""
    client = by_http.InferenceServerClient(address)

    def infer(cells: Any, binary: bool, **more: Any) -> Any:
        outputs = [
            by_http.InferRequestedOutput(name, binary_data=binary)
            for name in ("label", "probabilities")
        ]
        sent = inputs(by_http, cells, binary_data=binary)
        return told(client.infer("people", sent, outputs=outputs, **more), by_http)

    only = [by_http.InferRequestedOutput("label", binary_data=True)]
    return {
        "facts": {**facts(client), "absent": client.is_model_ready("zz")},
        "metadata": client.get_model_metadata("people"),
        "server": client.get_server_metadata(),
        "json": infer(CELLS, binary=False, request_id="mine"),
        "binary": infer(CELLS, binary=True, request_id="mine"),
        "wider": infer(WIDER, binary=True),
        "unasked": told(client.infer("people", inputs(by_http, CELLS)), by_http),
        "only": told(
            client.infer("people", inputs(by_http, CELLS), outputs=only), by_http, ["label"]
        ),
        "errors": {
            "lacking": refused(lambda: client.infer("people", inputs(by_http, CELLS)[:1])),
            "absent": refused(lambda: client.infer("zz", inputs(by_http, CELLS))),
            "version": refused(lambda: client.infer("people", inputs(by_http, CELLS), "3")),
            "metadata": refused(lambda: client.get_model_metadata("zz")),
        },
    }


def grpc(address: str) -> dict[str, Any]:
    """Ask by gRPC, with raw contents: the only ones that this client sends."""
    client = by_grpc.InferenceServerClient(address)

    def infer(cells: Any, **more: Any) -> Any:
        return told(client.infer("people", inputs(by_grpc, cells), **more), by_grpc)

    only = [by_grpc.InferRequestedOutput("label")]
    return {
        "facts": facts(client),
        "metadata": client.get_model_metadata("people", as_json=True),
        "server": client.get_server_metadata(as_json=True),
        "raw": infer(CELLS, request_id="mine"),
        "wider": infer(WIDER),
        "only": told(
            client.infer("people", inputs(by_grpc, CELLS), outputs=only), by_grpc, ["label"]
        ),
        "errors": {
            "lacking": refused(lambda: client.infer("people", inputs(by_grpc, CELLS)[:1])),
            "absent": refused(lambda: client.infer("zz", inputs(by_grpc, CELLS))),
            "metadata": refused(lambda: client.get_model_metadata("zz")),
            "ready": refused(lambda: client.is_model_ready("zz")),
        },
    }


def texts(rest: str, rpc: str) -> dict[str, Any]:
    """Ask a model of one numeric matrix whose labels are texts: BYTES comes back."""
    http_client = by_http.InferenceServerClient(rest)
    grpc_client = by_grpc.InferenceServerClient(rpc)

    def by_rest(kind: str, binary: bool) -> Any:
        outputs = [by_http.InferRequestedOutput("label", binary_data=binary)]
        sent = inputs(by_http, matrix(kind), binary_data=binary)
        return told(http_client.infer("iris", sent, outputs=outputs), by_http, ["label"])

    def matrix(kind: str) -> Any:
        return {"rows": (kind, FLOWERS.astype({"FP32": np.float32, "FP64": np.float64}[kind]))}

    sent = inputs(by_grpc, matrix("FP64"))
    return {
        "json": by_rest("FP32", binary=False),
        "binary": by_rest("FP32", binary=True),
        "binary FP64": by_rest("FP64", binary=True),
        "grpc": told(grpc_client.infer("iris", sent), by_grpc, ["label"]),
    }


FLOWERS = np.array([[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]])


def plain(value: Any) -> str:
    """Return bytes as the text that they are."""
    return value.decode()


if __name__ == "__main__":
    people_rest, people_rpc, iris_rest, iris_rpc = sys.argv[1:]
    said = {
        "http": http(people_rest),
        "grpc": grpc(people_rpc),
        "texts": texts(iris_rest, iris_rpc),
    }
    print(json.dumps(said, default=plain))
