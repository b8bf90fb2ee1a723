"""What the fuzzer tries, one function a decoder: any bytes get an answer or a `BadRequest`.

A function takes the fuzzer's bytes and returns nothing; whatever it raises is a finding. What one
encoding accepts must give the model the same arrays in every other. No library of the fuzzer's is
needed here, so that the corpus is replayed by the tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson

from serving.predictor.cells import BadRequest
from serving.predictor.requests import Checked, Reader
from serving.predictor.v1 import parsed
from serving.predictor.v2 import V2
from serving.signature import Column, encode
from tests.fuzz.image_targets import files, images
from tests.fuzz.refusals import LONGEST_SENTENCE, read

SIGNATURES = (
    (Column("a", "number"), Column("b", "number"), Column("c", "number")),
    (Column("a", "number", nullable=True), Column("b", "integer"), Column("c", "boolean")),
    (Column("a", "boolean", nullable=True),),
    (Column("a", "text", nullable=True), Column("b", "integer", nullable=True)),
    (Column("a", "text", categories=("x", "y", "ş")), Column("b", "number")),
)
"""The first byte of an input chooses one."""

READERS = tuple(map(Reader, SIGNATURES))


def v1(data: bytes) -> None:
    """Read a V1 body, the quick way and the careful one."""
    columns, reader, body = _chosen(data)
    quick = read(lambda: reader.instances(parsed(body), body))
    slow = read(lambda: _carefully(reader, parsed(body)))
    _same(columns, quick, slow)
    _agree(columns, reader, quick)


def v2(data: bytes) -> None:
    """Read a V2 body in JSON."""
    columns, reader, body = _chosen(data)
    _agree(columns, reader, read(lambda: V2(reader).decode(body, None)[0]))


def binary(data: bytes) -> None:
    """Read a V2 body whose header length is anything: its digits stand before a newline."""
    columns, reader, rest = _chosen(data)
    length, _, body = rest.partition(b"\n")
    _agree(columns, reader, read(lambda: V2(reader).decode(body, length)[0]))


def grpc(data: bytes) -> None:
    """Read a gRPC message, as KServe hands it over."""
    from google.protobuf.message import DecodeError
    from kserve.errors import InvalidInput
    from kserve.protocol.grpc.grpc_predict_v2_pb2 import ModelInferRequest

    _, reader, body = _chosen(data)
    try:
        message = ModelInferRequest.FromString(body)
    except DecodeError:
        return
    try:
        _loop().run_until_complete(
            asyncio.wait_for(_servicer(reader).ModelInfer(message, _Call()), 5)
        )
    except InvalidInput as error:
        assert len(str(error)) < LONGEST_SENTENCE


def http(data: bytes) -> None:
    """Send bytes to the express lane, cut where the first of them says."""
    from tests.fuzz.wire import said

    cut = data[0] if data else 0
    sent = data[1:]
    _loop().run_until_complete(asyncio.wait_for(said([sent[:cut], sent[cut:]]), 5))


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each for each in (v1, v2, binary, images, files, grpc, http)
}


def _chosen(data: bytes) -> tuple[tuple[Column, ...], Reader, bytes]:
    which = (data[0] if data else 0) % len(SIGNATURES)
    return SIGNATURES[which], READERS[which], data[1:]


def _carefully(reader: Reader, body: Any) -> Checked:
    """Return what the way that looks at each cell says to a V1 body."""
    return Reader.rows(reader, _rows(body))


def _rows(body: Any) -> list[Any]:
    rows = body.get("instances", body.get("inputs")) if isinstance(body, dict) else None
    if not isinstance(rows, list) or not rows:
        raise BadRequest("There are no rows.")
    return rows


def _same(columns: tuple[Column, ...], one: Checked | None, other: Checked | None) -> None:
    assert (one is None) is (other is None)
    if one is not None and other is not None:
        assert _bits(columns, one) == _bits(columns, other)


def _bits(columns: tuple[Column, ...], cells: Checked) -> dict[str, Any]:
    """Return what the model gets, in a form that tells 0 from -0, but no NaN from another."""
    if isinstance(cells, np.ndarray):
        assert cells.dtype == np.float32
        return {column.name: _raw(cells[:, i]) for i, column in enumerate(columns)}
    encoded = encode(columns, cells)
    return {
        name: [*map(str, array[:, 0])] if array.dtype == object else _raw(array[:, 0])
        for name, array in encoded.items()
    }


def _raw(numbers: np.ndarray) -> bytes:
    return np.where(np.isnan(numbers), np.float32("nan"), numbers).tobytes()


def _agree(columns: tuple[Column, ...], reader: Reader, cells: Checked | None) -> None:
    """Send the cells that were accepted again, in each encoding."""
    if cells is None:
        return
    raw = _values(columns, cells)
    expected = _bits(columns, cells)
    rows = [dict(zip(raw, row, strict=True)) for row in zip(*raw.values(), strict=True)]
    body = orjson.dumps({"instances": rows})
    assert _bits(columns, reader.instances(parsed(body), body)) == expected
    tensors = [_tensor(column, raw[column.name]) for column in columns]
    body = orjson.dumps({"inputs": tensors})
    assert _bits(columns, V2(reader).decode(body, None)[0]) == expected
    if any(column.kind == "text" and None in raw[column.name] for column in columns):
        return
    heads, parts = zip(*map(_packed, tensors), strict=True)
    head = orjson.dumps({"inputs": heads})
    sent = V2(reader).decode(head + b"".join(parts), b"%d" % len(head))[0]
    assert _bits(columns, sent) == expected


def _values(columns: tuple[Column, ...], cells: Checked) -> dict[str, list[Any]]:
    """Return the cells as JSON knows them: numbers as float32 holds them, null where missing."""
    if isinstance(cells, np.ndarray):
        encoded = {column.name: cells[:, i] for i, column in enumerate(columns)}
    else:
        encoded = {name: array[:, 0] for name, array in encode(columns, cells).items()}
    values = {}
    for column in columns:
        if column.kind == "text":
            values[column.name] = [*cells[column.name]]  # type: ignore[call-overload]
        else:
            numbers = encoded[column.name].astype(np.float64).tolist()
            values[column.name] = [None if cell != cell else cell for cell in numbers]
    return values


def _tensor(column: Column, cells: list[Any]) -> dict[str, Any]:
    datatype = "BYTES" if column.kind == "text" else "FP64"
    return {"name": column.name, "datatype": datatype, "shape": [len(cells)], "data": cells}


def _packed(tensor: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    cells = tensor["data"]
    if tensor["datatype"] == "BYTES":
        texts = [text.encode() for text in cells]
        raw = b"".join(len(text).to_bytes(4, "little") + text for text in texts)
    else:
        raw = np.array(cells, np.float64).tobytes()
    head = {name: tensor[name] for name in ("name", "datatype", "shape")}
    return {**head, "parameters": {"binary_data_size": len(raw)}}, raw


class _Call:
    """A gRPC call without metadata."""

    def invocation_metadata(self) -> tuple[()]:
        return ()


def _servicer(reader: Reader) -> Any:
    """Return KServe's servicer before our model, for the signature of the reader."""
    from tests.fuzz import wire

    which = READERS.index(reader)
    if which not in _servicers:
        _servicers[which] = wire.servicer(SIGNATURES[which])
    return _servicers[which]


_servicers: dict[int, Any] = {}
_loops: list[asyncio.AbstractEventLoop] = []


def _loop() -> asyncio.AbstractEventLoop:
    if not _loops:
        _loops.append(asyncio.new_event_loop())
    return _loops[0]
