from typing import Any

import numpy as np
import pytest

from serving.predictor.cells import BadRequest
from serving.predictor.requests import Reader
from serving.predictor.tensors import Tensor
from serving.signature import Column

PERSON = (
    Column("age", "number", nullable=True),
    Column("visits", "integer", nullable=True),
    Column("member", "boolean", nullable=True),
    Column("town", "text", nullable=True),
)
STRICT = (
    Column("age", "number"),
    Column("visits", "integer"),
    Column("member", "boolean"),
    Column("town", "text", categories=("Ankara", "Izmir")),
)
NUMBERS = (Column("a", "number"), Column("b", "integer"), Column("c", "boolean"))
NAN = float("nan")


def person(**cells: Any) -> dict[str, Any]:
    return {"age": 30.5, "visits": 2, "member": True, "town": "Izmir", **cells}


def without(name: str) -> dict[str, Any]:
    return {key: cell for key, cell in person().items() if key != name}


def tensor(name: str, datatype: str, data: Any, shape: list[int] | None = None) -> Any:
    return Tensor(name, datatype, tuple(shape or [len(data)]), data)


def tensors(**changed: Any) -> Any:
    """Two rows as V2 tensors, with some of them replaced."""
    usual = {
        "age": tensor("age", "FP32", [30.5, None]),
        "visits": tensor("visits", "INT64", [2, 3]),
        "member": tensor("member", "BOOL", [True, False]),
        "town": tensor("town", "BYTES", ["Izmir", "Ankara"]),
    }
    return [item for item in {**usual, **changed}.values() if item is not None]


ROW = {"age": [30.5], "visits": [2], "member": [True], "town": ["Izmir"]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"instances": [person()]}, ROW),
        ({"instances": [dict(reversed(person().items()))]}, ROW),
        ({"instances": [[30.5, 2, True, "Izmir"]]}, ROW),
        ({"inputs": [person()]}, ROW),
        ({"instances": [person()], "signature_name": "x", "parameters": {}}, ROW),
        ({"instances": [person(age=30)]}, {**ROW, "age": [30]}),
        ({"instances": [person(visits=2.0)]}, {**ROW, "visits": [2.0]}),
        ({"instances": [person(member=0)]}, {**ROW, "member": [0]}),
        (
            {"instances": [person(age=None, visits=None, member=None, town=None)]},
            {"age": [None], "visits": [None], "member": [None], "town": [None]},
        ),
        ({"instances": [person(town="")]}, {**ROW, "town": [""]}),
        (
            {"instances": [person(), person(age=1)]},
            {"age": [30.5, 1], "visits": [2, 2], "member": [True] * 2, "town": ["Izmir"] * 2},
        ),
    ],
)
def test_rows_become_columns_whatever_their_order(body: Any, expected: Any) -> None:
    assert Reader(PERSON).instances(body) == expected


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, r"The body is null, expected an object"),
        ([1, 2], r"The body is \[1, 2\], expected an object"),
        ("text", r'The body is "text"'),
        ({}, r'"instances" is null, expected a list of rows'),
        ({"instances": {"age": 1}}, r'"instances" is {"age": 1}, expected a list'),
        ({"instances": []}, r'"instances" is empty'),
        ({"instances": [5]}, r"Row 0 is 5, expected an object by column name or a list of 4"),
        ({"instances": [person(), [1]]}, r"Row 1 is \[1\], but row 0 is an object"),
        ({"instances": [[1, 2, True, "x"], person()]}, r"Row 1 is \{.*expected an object by col"),
        (
            {"instances": [[1, 2, True]]},
            r"Row 0 has 3 values, expected 4: age, visits, member, town",
        ),
        ({"instances": [[1, 2, True, "x", 9]]}, r"Row 0 has 5 values, expected 4"),
        ({"instances": [[]]}, r"Row 0 has 0 values, expected 4"),
        ({"instances": [person(), without("age")]}, r"Row 1 lacks the column 'age'; send null"),
        ({"instances": [{}]}, r"lacks the column 'age', 'visits', 'member', 'town'"),
        ({"instances": [person(odd=1)]}, r"Row 0 has the unknown column 'odd'\.$"),
        (
            {"instances": [{**without("town"), "twon": "x"}]},
            r"Row 0 has the unknown column 'twon' \(nearest: 'town'\)",
        ),
        (
            {"instances": [person(), person(age="abc")]},
            r"Row 1 \(counted from 0\), column 'age': got \"abc\", expected a number",
        ),
        ({"instances": [person(age="1.5")]}, r"'age': got \"1.5\", expected a number"),
        ({"instances": [person(age=True)]}, r"'age': got true, expected a number"),
        ({"instances": [person(age=[1])]}, r"'age': got \[1\], expected a number"),
        ({"instances": [person(age={"a": 1})]}, r"'age': got {\"a\": 1}, expected a number"),
        ({"instances": [person(age=1e39)]}, r"'age': got 1e\+39, expected a number \(at most 3"),
        ({"instances": [person(age=10**400)]}, r"'age': got 1000.*\.\.\., expected a number"),
        ({"instances": [person(age=float("inf"))]}, r"'age': got Infinity, expected a number"),
        ({"instances": [person(visits=2.5)]}, r"'visits': got 2.5, expected a whole number"),
        ({"instances": [person(visits=float("inf"))]}, r"'visits': got Infinity, expected"),
        ({"instances": [person(visits="2")]}, r"'visits': got \"2\", expected a whole number"),
        ({"instances": [person(visits=False)]}, r"'visits': got false, expected a whole"),
        ({"instances": [person(member=2)]}, r"'member': got 2, expected true, false, 0, 1"),
        ({"instances": [person(member="true")]}, r"'member': got \"true\", expected true"),
        ({"instances": [person(member=0.5)]}, r"'member': got 0.5, expected true"),
        ({"instances": [person(town=7)]}, r"'town': got 7, expected a text"),
        ({"instances": [person(town=True)]}, r"'town': got true, expected a text"),
        ({"instances": [person(town=["x"])]}, r"'town': got \[\"x\"\], expected a text"),
    ],
)
def test_rows_that_do_not_fit_are_refused_with_row_column_and_value(body: Any, words: str) -> None:
    with pytest.raises(BadRequest, match=words) as caught:
        Reader(PERSON).instances(body)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"age": tensor("age", "FP64", [[30.5], [None]], [2, 1])},
        {"age": tensor("age", "FP32", [30.5, None], [2, 1])},
        {"member": tensor("member", "UINT8", [1, 0])},
        {"visits": tensor("visits", "FP32", [2.0, 3.0])},
    ],
)
def test_tensors_become_columns_in_any_order_and_nesting(changed: Any) -> None:
    columns = Reader(PERSON).tensors(list(reversed(tensors(**changed))))
    assert list(columns) == ["age", "visits", "member", "town"]
    assert columns["age"] == [30.5, None]
    assert columns["visits"] == [2, 3]
    assert columns["member"] == [True, False]
    assert columns["town"] == ["Izmir", "Ankara"]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"age": None}, r"'age': got null, expected a number \(at most 3.4e38\)\.$"),
        ({"visits": None}, r"'visits': got null, expected a whole number\.$"),
        ({"member": None}, r"'member': got null, expected true, false, 0 or 1\.$"),
        (
            {"town": None},
            r"'town': got null, expected one of 2 known texts \(\"Ankara\", \"Izmir\"\)",
        ),
        (
            {"town": "Bursa"},
            r"Row 1 \(counted from 0\), column 'town': got \"Bursa\", expected one of",
        ),
        ({"town": 5}, r"got 5, expected one of 2 known texts"),
    ],
)
def test_what_training_has_not_seen_is_refused(cells: Any, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        Reader(STRICT).instances({"instances": [person(), person(**cells)]})


def test_nan_of_a_binary_tensor_is_refused_where_no_cell_was_missing() -> None:
    reader = Reader((Column("a", "number"), Column("b", "number", nullable=True)))
    sent = Tensor("x", "FP32", (1, 2), np.array([1.0, NAN], np.float32))
    assert np.isnan(reader.tensors([sent])[0, 1])
    with pytest.raises(BadRequest, match=r"Row 0 .*'a': got NaN, expected a number"):
        reader.tensors([sent._replace(data=np.array([NAN, 1.0], np.float32))])


@pytest.mark.parametrize("data", [[1, 2, 0, 4, 5, 1], [[1, 2, 0], [4, 5, 1]]])
def test_one_matrix_is_taken_in_card_order_where_every_column_is_numeric(data: Any) -> None:
    columns = Reader(NUMBERS).tensors([tensor("input-0", "FP32", data, [2, 3])])
    assert columns.tolist() == [[1, 2, 0], [4, 5, 1]]


def test_one_column_may_be_sent_under_its_own_name_or_as_a_matrix() -> None:
    only = (Column("a", "number"),)
    word = (Column("t", "text"),)
    assert Reader(word).tensors([tensor("t", "BYTES", ["u", "v"], [2, 1])]) == {"t": ["u", "v"]}
    for name in ("a", "x"):
        cells = Reader(only).tensors([tensor(name, "FP32", [1, 2], [2, 1])])
        assert cells.tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"age": None}, r"The request lacks the input 'age'"),
        ({"x": tensor("twon", "BYTES", ["x"])}, r"unknown input 'twon' \(nearest: 'town'\)"),
        ({"x": tensor("age", "FP32", [1, 2])}, r"names an input twice"),
        ({"age": tensor("age", "BYTES", ["1", "2"])}, r"'age' has datatype BYTES.*send FP32"),
        ({"age": tensor("age", "BOOL", [True, False])}, r"datatype BOOL.*send FP32"),
        ({"age": tensor("age", "FLOAT", [1, 2])}, r"'age' has datatype FLOAT"),
        ({"town": tensor("town", "INT64", [1, 2])}, r"'town' has datatype INT64.*send BYTES"),
        (
            {"age": tensor("age", "FP32", ["1.5", "x"])},
            r"Row 0.*'age': got \"1.5\", expected a num",
        ),
        ({"age": tensor("age", "FP32", [1, 2, 3])}, r"'visits' has 2 rows, but 'age' has 3"),
        (
            {"age": tensor("age", "FP32", [1, 2], [3])},
            r"'age' has 2 values, which do not fill.*\[3\]",
        ),
        (
            {"age": tensor("age", "FP32", [1, 2], [1, 2])},
            r"shape \[1, 2\], expected \[n\] or \[n, 1\]",
        ),
        ({"age": tensor("age", "FP32", [1], [1, 1, 1])}, r"shape \[1, 1, 1\], expected"),
        ({"age": Tensor("age", "FP32", (), [1])}, r"shape \[\], expected \[n\]"),
        ({"age": tensor("age", "FP32", [1, 2], [-1])}, r"do not fill its shape \[-1\]"),
        (
            {"age": tensor("age", "FP32", [[1], [2, 3]], [2, 1])},
            r"row 1: got \[2, 3\], expected a list",
        ),
        ({"age": tensor("age", "FP32", [[1], 2], [2, 1])}, r"row 1: got 2, expected a list of 1"),
        ({"age": tensor("age", "FP32", [[1], [2]], [2])}, r"'age': got \[1\], expected a number"),
        ({"age": Tensor("age", "FP32", (0,), [])}, r"'age' is empty"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(changed: Any, words: str) -> None:
    with pytest.raises(BadRequest, match=words) as caught:
        Reader(PERSON).tensors(tensors(**changed))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("inputs", "sent", "words"),
    [
        (PERSON, tensor("x", "FP32", [1] * 4, [1, 4]), "matrix, but column 'town' is text"),
        (NUMBERS, tensor("x", "FP32", [1] * 4, [1, 4]), "has 4 columns, expected 3: a, b, c"),
        (NUMBERS, tensor("x", "BYTES", ["1"] * 3, [1, 3]), "datatype BYTES"),
        (NUMBERS, tensor("x", "FP32", [[1, 2, 0], [1, 2]], [2, 3]), r"row 1: got \[1, 2\]"),
        (NUMBERS, tensor("x", "FP32", [1, 2.5, 0], [1, 3]), "'b': got 2.5, expected a whole"),
        (NUMBERS, tensor("x", "FP32", [1, 2, 3], [1, 3]), "'c': got 3, expected true"),
        (NUMBERS, Tensor("x", "FP32", (0, 3), []), "empty"),
        (
            NUMBERS,
            tensor("x", "FP32", [1, 2, 3]),
            r"unknown input 'x' of shape \[3\]; .* one of shape \[n, 3\]",
        ),
        (NUMBERS, tensor("x", "FP32", [[[1, 2, 0]]], [1, 1, 3]), r"'x' of shape \[1, 1, 3\];"),
    ],
)
def test_a_matrix_that_does_not_fit_is_refused(
    inputs: tuple[Column, ...], sent: Tensor, words: str
) -> None:
    with pytest.raises(BadRequest, match=words):
        Reader(inputs).tensors([sent])


def test_a_request_without_inputs_is_refused() -> None:
    with pytest.raises(BadRequest, match="lacks the input 'age'"):
        Reader(PERSON).tensors([])


def test_nan_stands_for_a_missing_number() -> None:
    columns = Reader(PERSON).tensors(tensors(age=tensor("age", "FP32", [NAN, 1.0])))
    assert columns["age"][0] != columns["age"][0]
