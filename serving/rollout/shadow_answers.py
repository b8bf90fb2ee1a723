"""One row as a request in KServe's V2 or V1 protocol, and what its answer says. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from serving.rollout.shadow_rows import Row
from serving.signature import MISSING

Protocol = Literal["v2", "v1"]
A_NUMBER = "a number"


@dataclass(frozen=True)
class Answer:
    """The label of one row and the probability of each class; {} where they are not told.

    A number that was estimated is no label, and two models hardly ever estimate the same: all
    numbers are called `A_NUMBER`, so that a shadow finds failures among them and nothing else.
    """

    label: str
    probabilities: Mapping[str, float]


def body_of(protocol: Protocol, row: Row) -> bytes:
    """Return a request for one row."""
    value = _v2(row) if protocol == "v2" else _v1(row)
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def answer_of(protocol: Protocol, body: bytes) -> Answer:
    """Return what the answer to one row says.

    Raises ValueError, LookupError, TypeError or AttributeError where it says something else.
    """
    value = json.loads(body)
    return _answer_v2(value) if protocol == "v2" else _answer_v1(value)


def distance(one: Answer, other: Answer) -> float | None:
    """Return half the sum of the differences of the probabilities; None where one has none."""
    if not (one.probabilities and other.probabilities):
        return None
    classes = {*one.probabilities, *other.probabilities}
    apart = (one.probabilities.get(c, 0.0) - other.probabilities.get(c, 0.0) for c in classes)
    total = sum(map(abs, apart)) / 2
    return total if math.isfinite(total) else None


def _v2(row: Row) -> dict[str, Any]:
    return {"inputs": [_tensor(name, cells) for name, cells in row.items()]}


def _tensor(name: str, cells: np.ndarray) -> dict[str, Any]:
    datatype = {"u": "UINT8", "U": "BYTES"}.get(cells.dtype.kind, "FP32")
    data = [_plain(cell) for cell in cells.ravel().tolist()]
    return {"name": name, "datatype": datatype, "shape": list(cells.shape), "data": data}


def _v1(row: Row) -> dict[str, Any]:
    images = [cells for cells in row.values() if cells.ndim > 2]
    if images:
        return {"instances": images[0].tolist()}
    return {"instances": [{name: _plain(cells.item()) for name, cells in row.items()}]}


def _plain(cell: object) -> object:
    """Return a cell as JSON says it: what is missing in a table is null."""
    return None if cell == MISSING or (isinstance(cell, float) and math.isnan(cell)) else cell


def _answer_v2(value: Any) -> Answer:
    outputs = {str(output["name"]): output for output in value["outputs"]}
    if "probabilities" not in outputs:
        first = value["outputs"][0]
        return _only(outputs.get("label", first)["data"])
    shares = outputs["probabilities"]
    told = (shares.get("parameters") or {}).get("classes")
    probabilities = _by_class(shares["data"], json.loads(told) if told else None)
    if "label" not in outputs:
        return _likeliest(probabilities)
    return Answer(_only(outputs["label"]["data"]).label, probabilities)


def _answer_v1(value: Any) -> Answer:
    (prediction,) = value["predictions"]
    shares, classes = value.get("probabilities"), value.get("classes")
    if isinstance(prediction, list):
        return _likeliest(_by_class(prediction, classes))
    if not shares:
        return _only([prediction])
    return Answer(_name(prediction), _by_class(shares[0], classes))


def _only(data: Sequence[Any]) -> Answer:
    """Return the answer of one output alone: a label, a number, or a number for each class."""
    if len(data) > 1:
        return _likeliest(_by_class(data, None))
    return Answer(A_NUMBER if isinstance(data[0], float) else _name(data[0]), {})


def _likeliest(probabilities: Mapping[str, float]) -> Answer:
    return Answer(max(probabilities, key=probabilities.__getitem__), probabilities)


def _by_class(shares: Sequence[Any], classes: Sequence[Any] | None) -> dict[str, float]:
    names = range(len(shares)) if classes is None else classes
    if len(names) != len(shares):
        raise ValueError(f"{len(shares)} probabilities for {len(names)} classes")
    return {_name(name): float(share) for name, share in zip(names, shares, strict=True)}


def _name(label: object) -> str:
    return json.dumps(label, ensure_ascii=False)
