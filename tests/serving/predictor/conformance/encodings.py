"""The five ways to send the same rows: V1 lists and objects, V2 JSON and binary, gRPC."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from serving.signature import Column, Signature
from tests.serving.predictor.conformance.doors import Doors
from tests.serving.predictor.conformance.wire import raw

Row = dict[str, Any]
CHUNK = 100
USUAL = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "text": "BYTES"}
DTYPES = {"FP64": "<f8", "INT64": "<i8", "BOOL": "?", "INT32": "<i4"}


class Said(NamedTuple):
    """Labels and probabilities [n, k]."""

    labels: list[Any]
    probabilities: np.ndarray


def v1_lists(doors: Doors, signature: Signature, rows: list[Row]) -> Said:
    """Ask row by row, as most clients do."""
    answers = [_v1(doors, [list(row.values())]) for row in rows]
    return _joined(answers)


def v1_objects(doors: Doors, signature: Signature, rows: list[Row]) -> Said:
    """Ask by column name, in an order of names that is not the model's."""
    return _joined(
        [_v1(doors, [dict(reversed(row.items())) for row in part]) for part in _of(rows)]
    )


def v2_json(doors: Doors, signature: Signature, rows: list[Row]) -> Said:
    """Ask with one JSON tensor a column."""
    return _joined([_v2_json(doors, signature, part) for part in _of(rows)])


def v2_binary(doors: Doors, signature: Signature, rows: list[Row]) -> Said:
    """Ask with raw tensors, and get such back; a text that is missing can only be sent in JSON."""
    return _joined([_v2_binary(doors, signature, part) for part in _of(rows)])


def grpc(doors: Doors, signature: Signature, rows: list[Row]) -> Said:
    """Ask with raw contents, by KServe's own client."""
    from kserve import InferenceGRPCClient

    async def ask() -> list[Said]:
        client = InferenceGRPCClient(doors.grpc)
        try:
            answers = [await client.infer(_request(doors, signature, part)) for part in _of(rows)]
        finally:
            await client.close()
        return [Said(_labels(a.outputs[0]), a.outputs[1].as_numpy()) for a in answers]

    return _joined(asyncio.run(ask()))


ENCODINGS: dict[str, Callable[[Doors, Signature, list[Row]], Said]] = {
    "V1 lists": v1_lists,
    "V1 objects": v1_objects,
    "V2 JSON": v2_json,
    "V2 binary": v2_binary,
    "gRPC": grpc,
}


def _labels(output: Any) -> list[Any]:
    return [x.decode() if isinstance(x, bytes) else x for x in output.as_numpy().tolist()]


def _of(rows: list[Row]) -> list[list[Row]]:
    return [rows[at : at + CHUNK] for at in range(0, len(rows), CHUNK)]


def _joined(parts: list[Said]) -> Said:
    labels = [label for part in parts for label in part.labels]
    return Said(labels, np.concatenate([part.probabilities for part in parts]))


def _v1(doors: Doors, instances: list[Any]) -> Said:
    status, answer = doors.predictor.v1({"instances": instances})
    assert status == 200, answer
    return Said(answer["predictions"], np.array(answer["probabilities"], np.float32))


def _v2_json(doors: Doors, signature: Signature, rows: list[Row]) -> Said:
    inputs = [
        {
            "name": column.name,
            "datatype": USUAL[column.kind],
            "shape": [len(rows)],
            "data": [row[column.name] for row in rows],
        }
        for column in reversed(signature.inputs)
    ]
    status, answer = doors.predictor.v2({"inputs": inputs})
    assert status == 200, answer
    label, probabilities = answer["outputs"]
    data = np.array(probabilities["data"], np.float32).reshape(probabilities["shape"])
    return Said(label["data"], data)


def _v2_binary(doors: Doors, signature: Signature, rows: list[Row]) -> Said:
    heads, tails = zip(
        *(_packed(column, [row[column.name] for row in rows]) for column in signature.inputs),
        strict=True,
    )
    head = json.dumps({"inputs": heads, "parameters": {"binary_data_output": True}}).encode()
    name = doors.predictor.name
    sent = {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(head)),
    }
    path = f"/v2/models/{name}/infer"
    given = raw(doors.predictor.port, "POST", path, b"".join([head, *tails]), sent)
    assert given.status == 200, given.body
    return _unpacked(given.body, int(given.headers["inference-header-content-length"]))


def _packed(column: Column, cells: list[Any]) -> tuple[dict[str, Any], bytes]:
    datatype, shape = USUAL[column.kind], [len(cells), 1]
    head: dict[str, Any] = {"name": column.name, "datatype": datatype, "shape": shape}
    if datatype == "BYTES" and None in cells:
        return {**head, "data": cells}, b""
    if datatype == "BYTES":
        texts = [text.encode() for text in cells]
        data = b"".join(len(text).to_bytes(4, "little") + text for text in texts)
    else:
        head["datatype"], array = _numbers(datatype, cells)
        data = array.tobytes()
    return {**head, "parameters": {"binary_data_size": len(data)}}, data


def _numbers(datatype: str, cells: list[Any]) -> tuple[str, np.ndarray]:
    """Return datatype and array; a missing number is a NaN, which only fractions have."""
    datatype = "FP64" if None in cells else datatype
    return datatype, np.array(cells, np.float64).astype(DTYPES[datatype])


def _unpacked(body: bytes, at: int) -> Said:
    outputs, found = json.loads(body[:at])["outputs"], []
    for output in outputs:
        size = output["parameters"]["binary_data_size"]
        found.append(body[at : at + size])
        at += size
    label, probabilities = found
    kind, shape = outputs[0]["datatype"], outputs[1]["shape"]
    labels = _texts(label) if kind == "BYTES" else np.frombuffer(label, DTYPES[kind]).tolist()
    return Said(labels, np.frombuffer(probabilities, "<f4").reshape(shape))


def _texts(data: bytes) -> list[str]:
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        found.append(data[at + 4 : at + 4 + size].decode())
        at += 4 + size
    return found


def _request(doors: Doors, signature: Signature, rows: list[Row]) -> Any:
    from kserve import InferInput, InferRequest

    inputs = []
    for column in signature.inputs:
        cells = [row[column.name] for row in rows]
        datatype, array = (
            ("BYTES", np.array([text.encode() for text in cells], np.object_))
            if column.kind == "text"
            else _numbers(USUAL[column.kind], cells)
        )
        item = InferInput(column.name, [len(rows)], datatype)
        item.set_data_from_numpy(array, binary_data=True)
        inputs.append(item)
    return InferRequest(doors.predictor.name, inputs)
