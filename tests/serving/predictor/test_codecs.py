"""Any valid payload gives the same cells in every encoding; any bytes at all get an answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.predictor.cells import LIMIT, BadRequest
from serving.predictor.requests import Reader
from serving.predictor.v1 import parsed
from serving.predictor.v2 import V2
from serving.signature import Column, ColumnKind, encode
from tests.serving.predictor.asking import App

FEW = settings(max_examples=40, deadline=None)
DTYPES = {"FP32": np.float32, "FP64": np.float64, "INT64": np.int64, "BOOL": np.bool_}

CELLS: dict[ColumnKind, Any] = {
    "number": st.floats(-LIMIT, LIMIT, width=32) | st.integers(-(2**63), 2**63 - 1).map(int),
    "integer": st.integers(-(2**53), 2**53),
    "boolean": st.booleans(),
    "text": st.text(max_size=8).filter(lambda text: text != "(missing)"),
}


@st.composite
def tables(draw: Any, kinds: tuple[ColumnKind, ...]) -> tuple[tuple[Column, ...], Any]:
    """A signature of some of these kinds, and rows that fit it."""
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=5))
    columns = tuple(Column(f"c{i}", kind, draw(st.booleans())) for i, kind in enumerate(chosen))
    cell = [st.none() | CELLS[c.kind] if c.nullable else CELLS[c.kind] for c in columns]
    return columns, draw(st.lists(st.tuples(*cell).map(list), min_size=1, max_size=5))


def as_model_inputs(columns: tuple[Column, ...], cells: Any) -> dict[str, Any]:
    """What the model gets for cells in either of their forms, as plain lists with bits kept."""
    if isinstance(cells, np.ndarray):
        assert cells.dtype == np.float32
        encoded = {c.name: cells[:, i : i + 1] for i, c in enumerate(columns)}
    else:
        encoded = encode(columns, cells)
    return {
        name: [
            str(cell) if isinstance(cell, str) else np.float32(cell).tobytes() for cell in a[:, 0]
        ]
        for name, a in encoded.items()
    }


def tensors_of(columns: tuple[Column, ...], rows: Any, flat: bool) -> list[dict[str, Any]]:
    usual = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "text": "BYTES"}
    shape = [len(rows)] if flat else [len(rows), 1]
    return [
        {"name": c.name, "datatype": usual[c.kind], "shape": shape, "data": [r[i] for r in rows]}
        for i, c in enumerate(columns)
    ]


def packed(tensor: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The tensor as the binary extension sends it; a missing number becomes NaN."""
    data, datatype = tensor.pop("data"), tensor["datatype"]
    if datatype == "BYTES":
        texts = [text.encode() for text in data]
        raw = b"".join(len(text).to_bytes(4, "little") + text for text in texts)
    elif None in data:
        tensor["datatype"] = "FP64"
        raw = np.array(data, np.float64).tobytes()
    else:
        raw = np.array(data, DTYPES[datatype]).tobytes()
    return {**tensor, "parameters": {"binary_data_size": len(raw)}}, raw


def binary(tensors: list[dict[str, Any]]) -> tuple[bytes, bytes]:
    heads, raws = zip(*map(packed, tensors), strict=True)
    head = json.dumps({"inputs": heads}).encode()
    return head + b"".join(raws), str(len(head)).encode()


@pytest.mark.thorough
@FEW
@given(tables(("number", "integer", "boolean", "text")), st.booleans())
def test_every_encoding_of_the_same_rows_gives_the_same_arrays(table: Any, flat: bool) -> None:
    columns, rows = table
    reader, names = Reader(columns), [column.name for column in columns]
    objects = [dict(zip(reversed(names), reversed(row), strict=True)) for row in rows]
    expected = as_model_inputs(columns, reader.rows(rows))
    for instances in (rows, objects):
        body = json.dumps({"instances": instances}).encode()
        assert as_model_inputs(columns, reader.instances(parsed(body), body)) == expected
    sent = tensors_of(columns, rows, flat)
    body = json.dumps({"inputs": sent[::-1]}).encode()
    assert as_model_inputs(columns, V2(reader).decode(body, None)[0]) == expected
    if not any(item["datatype"] == "BYTES" and None in item["data"] for item in sent):
        cells, _ = V2(reader).decode(*binary(sent))
        assert as_model_inputs(columns, cells) == expected


@FEW
@given(tables(("number", "integer")))
def test_a_matrix_gives_the_same_arrays_as_rows(table: Any) -> None:
    columns, rows = table
    reader, shape = Reader(columns), [len(rows), len(columns)]
    expected = as_model_inputs(columns, reader.rows(rows))
    flat = [cell for row in rows for cell in row]
    for data in (flat, rows):
        tensor = {"name": "matrix", "datatype": "FP64", "shape": shape, "data": data}
        body = json.dumps({"inputs": [tensor]}).encode()
        assert as_model_inputs(columns, V2(reader).decode(body, None)[0]) == expected
    tensor = {"name": "matrix", "datatype": "FP64", "shape": shape, "data": flat}
    cells, _ = V2(reader).decode(*binary([tensor]))
    assert as_model_inputs(columns, cells) == expected


WRONG = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3) | st.floats()


@pytest.mark.filterwarnings("ignore:overflow encountered in dot")
@FEW
@given(st.lists(st.lists(WRONG, min_size=2, max_size=3), min_size=1, max_size=3))
def test_the_quick_way_refuses_exactly_what_the_careful_way_refuses(rows: Any) -> None:
    columns = (Column("a", "number"), Column("b", "integer", nullable=True))
    reader = Reader(columns)
    body = json.dumps({"instances": rows}).encode()
    try:
        expected: Any = as_model_inputs(columns, reader.rows(rows))
    except BadRequest as error:
        expected = str(error)
    try:
        given_: Any = as_model_inputs(columns, reader.instances({"instances": rows}, body))
    except BadRequest as error:
        given_ = str(error)
    assert given_ == expected


@pytest.fixture(scope="module", params=["iris_model_dir", "mixed_model_dir"])
def app(request: pytest.FixtureRequest) -> App:
    directory: Path = request.getfixturevalue(request.param)
    return App(directory)


WORDS = st.sampled_from(
    [
        *("instances", "inputs", "outputs", "parameters", "id", "name", "shape", "datatype"),
        *("data", "binary_data_size", "binary_data_output", "age", "town"),
        *("FP32", "BYTES", "BOOL", "INT64"),
    ]
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)
NEAR = st.fixed_dictionaries(
    {
        "inputs": st.lists(
            st.fixed_dictionaries(
                {
                    "name": WORDS,
                    "datatype": WORDS,
                    "shape": st.lists(st.integers(-1, 2**40) | st.integers(0, 4), max_size=3),
                },
                optional={
                    "data": st.lists(WRONG | st.lists(WRONG, max_size=2), max_size=4),
                    "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(-1, 40)}),
                },
            ),
            max_size=4,
        )
    }
)


@FEW
@given(
    st.binary(max_size=60), st.one_of(ANY, NEAR).map(lambda v: json.dumps(v).encode()), st.data()
)
def test_any_bytes_get_an_answer_and_never_5xx(
    app: App, noise: bytes, near: bytes, data: Any
) -> None:
    length = str(data.draw(st.sampled_from([len(near), len(near), 0, len(noise), 10**9])))
    answers = [app.v1(noise), app.v1(near), app.v2(noise), app.v2(near)]
    answers += [app.v2(near + noise, inference_header_content_length=length)]
    answers += [app.v2(noise, inference_header_content_length=noise[:3].decode("ascii", "replace"))]
    for answer in answers:
        assert answer.status in (200, 400)
        assert answer.status == 200 or list(answer.json) == ["error"]


def tensor_of(name: bytes = b"x", shape: bytes = b"1") -> bytes:
    return b'{"inputs": [{"name": "%b", "datatype": "FP32", "shape": [%b], "data": [1]}]}' % (
        name,
        shape,
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"instances": [' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"]}",
        b'{"instances": [{"' + b"a" * 100_000 + b'": 1}]}',
        b'{"instances": [["' + b"x" * 1_000_000 + b'"' + b',["y"]' * 1000 + b"]]}",
        tensor_of(name=b"n" * 100_000),
        tensor_of(shape=b"9999999999," * 9999 + b"1"),
    ],
    ids=["deep lists", "deep objects", "long name", "long text", "long input", "many sizes"],
)
def test_bodies_that_are_made_to_hurt_are_refused_in_one_short_sentence(
    app: App, body: bytes
) -> None:
    for answer in (app.v1(body), app.v2(body)):
        assert answer.status == 400
        assert len(answer.json["error"]) < 1000
