"""One row of a table of requests: what is asked, and the status and the shape of the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

Headers = Mapping[str, str]
NONE: Headers = MappingProxyType({})
OCTETS = "application/octet-stream"


class Row(NamedTuple):
    """One request and its answer; `headers` of the answer are patterns by lower-case name."""

    what: str
    method: str
    path: str
    body: Any = None
    sent: Headers = NONE
    status: int = 200
    shape: Any = None
    headers: Headers = NONE
    stock: str = ""

    @property
    def bytes(self) -> bytes:
        if self.body is None or isinstance(self.body, bytes):
            return self.body or b""
        return json.dumps(self.body).encode()


def error(words: str) -> Any:
    return {"error": re.compile(words)}


def binary(value: Any, *tails: bytes) -> tuple[bytes, Headers]:
    """A V2 body with raw tensors behind its JSON, and the headers that say so."""
    head = json.dumps(value).encode()
    sent = {"Content-Type": OCTETS, "Inference-Header-Content-Length": str(len(head))}
    return head + b"".join(tails), sent


def packed(**changed: Any) -> tuple[bytes, Headers]:
    """`ROW` as raw tensors, and members of the request."""
    cells = [
        ("age", "FP32", np.array([30.5], "<f4").tobytes()),
        ("visits", "INT64", np.array([2], "<i8").tobytes()),
        ("member", "BOOL", b"\x01"),
        ("town", "BYTES", b"\x05\x00\x00\x00Izmir"),
    ]
    inputs = [
        {"name": n, "datatype": d, "shape": [1], "parameters": {"binary_data_size": len(raw)}}
        for n, d, raw in cells
    ]
    return binary({"inputs": inputs, **changed}, *(raw for _, _, raw in cells))
