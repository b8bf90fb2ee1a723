"""Inputs that the fuzzer starts from: requests as clients send them."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from serving.image_signature import Image
from serving.signature import Column
from tests.fuzz.image_targets import IMAGES
from tests.fuzz.targets import SIGNATURES

WORDS = (
    *("instances", "inputs", "outputs", "name", "datatype", "shape", "data", "parameters", "id"),
    *("binary_data_size", "binary_data", "binary_data_output", "label", "probabilities"),
    *("FP16", "FP32", "FP64", "INT8", "INT64", "UINT64", "BOOL", "BYTES"),
    *("b64", "UINT8", "IHDR", "IDAT", "tRNS", "PLTE", "iCCP", "JFIF", "Exif"),
    *("null", "true", "false", "1e39", "1e-400", "-0.0", "18446744073709551616", "9" * 40),
    *("content-length", "transfer-encoding", "chunked", "expect", "100-continue", "connection"),
    *("close", "upgrade", "ce-specversion", "x-request-id", "HTTP/1.0", "inference-header-content"),
)
"""What the fuzzer strews in."""

CELLS: dict[str, list[Any]] = {
    "number": [1.5, -3],
    "integer": [7, 0],
    "boolean": [True, 0],
    "text": ["x", "y"],
}


def seeds(target: str) -> list[bytes]:
    """Return the seeds of one target."""
    whole = {"http": _http, "images": _images, "files": _files}
    if target in whole:
        return [*whole[target]()]
    made = {"v1": _v1, "v2": _v2, "binary": _binary, "grpc": _grpc}[target]
    return [bytes([i]) + body for i, columns in enumerate(SIGNATURES) for body in made(columns)]


def _table(columns: tuple[Column, ...]) -> dict[str, list[Any]]:
    return {column.name: CELLS[column.kind] for column in columns}


def _v1(columns: tuple[Column, ...]) -> Iterator[bytes]:
    table = _table(columns)
    rows = [*zip(*table.values(), strict=True)]
    yield orjson.dumps({"instances": rows})
    yield orjson.dumps({"instances": [dict(zip(table, row, strict=True)) for row in rows]})
    yield orjson.dumps({"inputs": [[None for _ in columns]]})


def _tensors(columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    usual = {"number": "FP32", "integer": "INT64", "boolean": "BOOL", "text": "BYTES"}
    return [
        {"name": c.name, "datatype": usual[c.kind], "shape": [2, 1], "data": CELLS[c.kind]}
        for c in columns
    ]


def _v2(columns: tuple[Column, ...]) -> Iterator[bytes]:
    outputs = [{"name": "label", "parameters": {"binary_data": True}}]
    yield orjson.dumps({"id": "7", "inputs": _tensors(columns), "outputs": outputs})
    width = len(columns)
    matrix = {"name": "m", "datatype": "FP64", "shape": [2, width], "data": [[1] * width] * 2}
    yield orjson.dumps({"inputs": [matrix], "parameters": {"binary_data_output": True}})


def _binary(columns: tuple[Column, ...]) -> Iterator[bytes]:
    sizes = {"number": 4, "integer": 8, "boolean": 1}
    for rows in (1, 2):
        heads, raw = [], b""
        for tensor, column in zip(_tensors(columns), columns, strict=True):
            part = (
                b"\1\0\0\0x" * rows if column.kind == "text" else bytes(sizes[column.kind] * rows)
            )
            head = {name: tensor[name] for name in ("name", "datatype")}
            heads.append({**head, "shape": [rows], "parameters": {"binary_data_size": len(part)}})
            raw += part
        head = orjson.dumps({"inputs": heads})
        yield b"%d\n%b%b" % (len(head), head, raw)
    width = len(columns)
    matrix = {"name": "m", "datatype": "FP32", "shape": [1, width]}
    head = orjson.dumps({"inputs": [{**matrix, "parameters": {"binary_data_size": 4 * width}}]})
    yield b"%d\n%b%b" % (len(head), head, bytes(4 * width))


def _grpc(columns: tuple[Column, ...]) -> Iterator[bytes]:
    from kserve.protocol.grpc.grpc_predict_v2_pb2 import ModelInferRequest

    fields = {"number": "fp32_contents", "integer": "int64_contents", "boolean": "bool_contents"}
    plain, raw = ModelInferRequest(model_name="m", id="7"), ModelInferRequest(model_name="m")
    for tensor, column in zip(_tensors(columns), columns, strict=True):
        for message in (plain, raw):
            item = message.inputs.add(name=column.name, datatype=tensor["datatype"], shape=[2])
            if message is raw:
                continue
            if column.kind == "text":
                item.contents.bytes_contents.extend([b"x", b"y"])
            else:
                kind = bool if column.kind == "boolean" else int
                cells = map(kind, tensor["data"])
                getattr(item.contents, fields[column.kind]).extend(cells)
        sizes = {"number": 8, "integer": 16, "boolean": 2}
        text = b"\1\0\0\0x\1\0\0\0y"
        raw.raw_input_contents.append(text if column.kind == "text" else bytes(sizes[column.kind]))
    yield plain.SerializeToString()
    yield raw.SerializeToString()


def _http() -> Iterator[bytes]:
    v1 = orjson.dumps({"instances": [[1, 2]]})
    v2 = orjson.dumps(
        {"inputs": [{"name": "m", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]}
    )
    event = orjson.dumps(
        {**dict.fromkeys(("type", "source", "id", "time"), "x"), "specversion": "1.0", "data": {}}
    )
    for path, body in (("v1/models/m:predict", v1), ("v2/models/m/infer", v2)):
        head = b"POST /%b HTTP/1.1\r\nhost: h\r\n" % path.encode()
        length = b"content-length: %d\r\n" % len(body)
        yield b"\xff" + head + length + b"\r\n" + body
        yield b"\x14" + head + length + b"expect: 100-continue\r\n\r\n" + body
        yield b"\x60" + (head + length + b"x-request-id: r\r\n\r\n" + body) * 2
        yield (
            b"\x30"
            + head
            + b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
            % (
                len(body),
                body,
            )
        )
        yield (
            b"\x50"
            + head.replace(b"1.1", b"1.0")
            + length
            + b"connection: keep-alive\r\n\r\n"
            + body
        )
    head = (
        b"POST /v1/models/m:predict HTTP/1.1\r\nce-specversion: 1.0\r\ncontent-length: %d\r\n\r\n"
    )
    yield b"\0" + head % len(event) + event
    yield b"\0" + head.replace(b"ce-specversion", b"x") % len(event) + event
    yield b"\0GET /v2/health/live HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"


def _images() -> Iterator[bytes]:
    for i, image in enumerate(IMAGES):
        pixels = np.arange(image.values, dtype=np.uint8).reshape(1, *image.shape)
        yield bytes([i, 0]) + orjson.dumps({"instances": pixels.tolist()})
        tensor = {"name": "x", "datatype": "UINT8", "shape": [*pixels.shape]}
        yield bytes([i, 1]) + orjson.dumps({"inputs": [{**tensor, "data": pixels.tolist()}]})
        sized = {**tensor, "parameters": {"binary_data_size": pixels.nbytes}}
        head = orjson.dumps({"inputs": [sized]})
        yield bytes([i, 2]) + b"%d\n%b%b" % (len(head), head, pixels.tobytes())
        file = base64.b64encode(_picture(image, "PNG", "L")).decode()
        yield bytes([i, 0]) + orjson.dumps({"instances": [{"b64": file}]})
        named = {"name": "x", "datatype": "BYTES", "shape": [1], "data": [file]}
        yield bytes([i, 1]) + orjson.dumps({"inputs": [named]})


def _files() -> Iterator[bytes]:
    for i, image in enumerate(IMAGES):
        for mode in ("L", "RGB", "RGBA", "P", "1", "I;16"):
            yield bytes([i, 1]) + _picture(image, "PNG", mode)
        for options in ({}, {"progressive": True}, {"quality": 100, "exif": b"Exif\0\0II*\0"}):
            yield bytes([i, 0]) + _picture(image, "JPEG", "RGB", **options)


def _picture(image: Image, kind: str, mode: str, **options: Any) -> bytes:
    from PIL import Image as Pillow

    stream = io.BytesIO()
    Pillow.new(mode, (image.width, image.height), 1).save(stream, kind, **options)
    return stream.getvalue()
