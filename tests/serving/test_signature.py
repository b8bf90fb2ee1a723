import json
from typing import Any

import numpy as np
import pytest

from serving.errors import ModelError, UsageError
from serving.image_signature import Image, encode_images
from serving.signature import MISSING, Column, ColumnKind, Signature, encode

NAN = float("nan")


def one(kind: ColumnKind, cells: Any) -> np.ndarray:
    return encode((Column("x", kind),), {"x": cells})["x"]


@pytest.mark.parametrize(
    ("kind", "cells", "expected"),
    [
        ("number", [1, 2.5, None, NAN], [1, 2.5, NAN, NAN]),
        ("number", np.array([1.0, np.nan]), [1, NAN]),
        ("number", np.array([1, None], dtype=object), [1, NAN]),
        ("number", np.array([1e300, -1e300]), [np.inf, -np.inf]),
        ("number", [10**30], [1e30]),
        ("integer", np.array([3, -4], dtype=np.int64), [3, -4]),
        ("integer", [7, None], [7, NAN]),
        ("boolean", [True, False, None, 1, 0], [1, 0, NAN, 1, 0]),
        ("boolean", np.array([True, False]), [1, 0]),
        ("boolean", np.array([True, None], dtype=object), [1, NAN]),
        ("number", [], []),
    ],
)
def test_numbers_become_one_float32_column_with_nan_for_missing_cells(
    kind: ColumnKind, cells: Any, expected: Any
) -> None:
    encoded = one(kind, cells)
    assert encoded.dtype == np.float32
    assert encoded.shape == (len(expected), 1)
    np.testing.assert_array_equal(encoded[:, 0], np.array(expected, dtype=np.float32))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["a", None, NAN, "ş"], ["a", MISSING, MISSING, "ş"]),
        (np.array(["a", None], dtype=object), ["a", MISSING]),
        (np.array(["a", np.nan], dtype=object), ["a", MISSING]),
        (np.array(["a", "bb"]), ["a", "bb"]),
        (["", "nan", "None"], ["", "nan", "None"]),
        ([None], [MISSING]),
        ([], []),
    ],
)
def test_texts_become_one_column_of_str_with_the_word_for_missing(
    cells: Any, expected: Any
) -> None:
    encoded = one("text", cells)
    assert encoded.dtype == object
    assert encoded.shape == (len(expected), 1)
    assert encoded[:, 0].tolist() == expected
    assert all(type(text) is str for text in encoded[:, 0])


@pytest.mark.parametrize("kind", ["number", "text"])
def test_what_was_encoded_may_be_encoded_again(kind: ColumnKind) -> None:
    once = one(kind, [1.5, None] if kind == "number" else ["a", None])
    np.testing.assert_array_equal(one(kind, once), once)


def test_encoding_leaves_the_given_array_as_it_was() -> None:
    cells = np.array(["a", None], dtype=object)
    one("text", cells)
    assert cells.tolist() == ["a", None]


def test_the_order_is_that_of_the_signature_and_extra_columns_are_left_out() -> None:
    inputs = (Column("b", "number"), Column("a", "text"))
    assert list(encode(inputs, {"a": ["x"], "c": [0], "b": [1]})) == ["b", "a"]


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="'b'"):
        encode((Column("a", "number"), Column("b", "text")), {"a": [1]})


def test_a_signature_survives_json() -> None:
    signature = Signature(
        inputs=(
            Column("age", "number", nullable=True, minimum=0.5, maximum=80),
            Column("town", "text", categories=("Ankara", "İzmir")),
        ),
        labels=("no", "yes"),
    )
    assert Signature.from_json(json.loads(json.dumps(signature.to_json()))) == signature


@pytest.mark.parametrize("labels", [(0, 1), (False, True), ("a", "b", "c")])
def test_labels_keep_their_type_through_json(labels: tuple[Any, ...]) -> None:
    read = Signature.from_json(json.loads(json.dumps(Signature((), labels).to_json()))).labels
    assert [(type(label), label) for label in read] == [(type(label), label) for label in labels]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"inputs": []}, "labels"),
        ({"inputs": [{"name": "a"}], "labels": []}, "kind"),
        ({"inputs": [{"name": "a", "kind": "date"}], "labels": []}, "'date'.*number"),
        ({"inputs": [{"name": "a", "kind": "text", "odd": 1}], "labels": []}, "odd"),
        (
            {"inputs": [{"name": "a", "kind": "text"}], "labels": ["a"], "image": {}},
            "columns and an image",
        ),
    ],
)
def test_a_damaged_signature_is_refused_with_what_is_wrong(value: Any, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        Signature.from_json(value)


SOUND = {"height": 4, "width": 5, "channels": 3, "scale": 0.5}


def test_an_image_signature_survives_json_and_a_table_has_none() -> None:
    signature = Signature((), ("cat", "dog"), Image(4, 5, 3, scale=1 / 255))
    assert Signature.from_json(json.loads(json.dumps(signature.to_json()))) == signature
    assert "image" not in Signature((), ("a",)).to_json()
    assert Image.from_json({"height": 4, "width": 5, "channels": 3}) == Image(4, 5, 3, 1.0)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({}, "damaged"),
        ([4, 5, 3], "damaged"),
        (3, "damaged"),
        ({**SOUND, "depth": 1}, "damaged.*depth"),
        ({**SOUND, "height": 0}, "above 0"),
        ({**SOUND, "height": -1}, "above 0"),
        ({**SOUND, "width": 5.0}, "above 0"),
        ({**SOUND, "width": "5"}, "above 0"),
        ({**SOUND, "channels": True}, "above 0"),
        ({**SOUND, "channels": None}, "above 0"),
        ({**SOUND, "height": 10**9}, "at most 33554432 values"),
        ({**SOUND, "scale": 0}, "scale above 0"),
        ({**SOUND, "scale": float("nan")}, "scale above 0"),
        ({**SOUND, "scale": float("inf")}, "scale above 0"),
        ({**SOUND, "scale": "1"}, "scale above 0"),
        ({**SOUND, "scale": True}, "scale above 0"),
    ],
)
def test_a_damaged_image_is_refused_with_what_is_wrong(value: Any, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        Signature.from_json({"inputs": [], "labels": ["a"], "image": value})


def test_pixels_are_scaled_and_other_numbers_taken_as_they_are() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 8, 8, 4)
    for scale, expected in ((1.0, pixels), (1 / 255, pixels / np.float32(255))):
        found = encode_images(Image(8, 8, 4, scale), pixels)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    for dtype in (np.float16, np.float32, np.float64):
        found = encode_images(Image(8, 8, 4, 0.5), pixels.astype(dtype))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, pixels)
    ready = np.zeros((1, 8, 8, 4), np.float32)
    assert encode_images(Image(8, 8, 4, 0.5), ready) is ready
