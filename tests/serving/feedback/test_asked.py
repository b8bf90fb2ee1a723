"""What clients may say of predictions, and what they are told where they may not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from serving.errors import UsageError
from serving.feedback.asked import MOST, labels, unknown
from serving.feedback.truths import Labelled, Truth, class_text, number


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"id": "a", "label": "x"}, [("a", 0, "x")]),
        ({"id": "a", "row": 3, "label": 1}, [("a", 3, "1")]),
        ({"id": "a", "labels": ["x", None, True]}, [("a", 0, "x"), ("a", 2, "true")]),
        (
            {"feedback": [{"id": "a", "label": 1.0}, {"id": "b", "row": 1, "label": "y"}]},
            [("a", 0, "1"), ("b", 1, "y")],
        ),
    ],
)
def test_three_forms_say_what_was_true(body: Any, found: list[tuple[str, int, Truth]]) -> None:
    assert labels(json.dumps(body).encode(), is_number=False) == [Labelled(*f) for f in found]


@pytest.mark.parametrize(
    ("body", "is_number", "sentence"),
    [
        (b"{", False, "no JSON"),
        (b"[]", False, r"The body is \[\]"),
        (b"{}", False, "no label"),
        (b'{"id": "a", "label": null}', False, "no label"),
        (b'{"id": 7, "label": "x"}', False, '"id" is 7'),
        (b'{"label": "x"}', False, '"id" is None'),
        (b'{"id": "%b", "label": "x"}' % (b"a" * 257), False, "256 characters at most"),
        (b'{"id": "a\\u0000", "label": "x"}', False, "send the id .* a printable text"),
        (b'{"id": "a", "label": "%b"}' % (b"x" * 201), False, "a text of 200 characters at most"),
        (b'{"id": "a", "row": -1, "label": "x"}', False, '"row" of .a. is -1'),
        (b'{"id": "a", "row": true, "label": "x"}', False, '"row" of .a. is True'),
        (b'{"id": "a", "label": ["x"]}', False, "send a class"),
        (b'{"id": "a", "label": ""}', False, "send a class"),
        (b'{"id": "a", "label": "x"}', True, "send a number"),
        (b'{"id": "a", "label": true}', True, "send a number"),
        (b'{"id": "a", "label": 1e300}', True, "send a number"),
        (b'{"id": "a", "labels": "x"}', False, '"labels" is .x.; send a list'),
        (b'{"feedback": ["x"]}', False, "holds objects"),
        (b'{"id": "a", "labels": [%b1]}' % (b"1," * MOST), False, f"send {MOST} at a time"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(body: bytes, is_number: bool, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        labels(body, is_number)


@pytest.mark.parametrize(
    ("label", "text"),
    [(1, "1"), (1.0, "1"), ("1", "1"), (1.5, "1.5"), (True, "true"), (float("nan"), None),
     (None, None), ([], None), ("a" * 201, None)],
)  # fmt: skip
def test_classes_are_compared_as_texts(label: object, text: str | None) -> None:
    assert class_text(label) == text


def test_numbers_are_compared_as_numbers() -> None:
    found = [number(value) for value in (1, 2.5, float("inf"), "1", True)]
    assert found == [1.0, 2.5, None, None, None]


def test_labels_that_the_model_cannot_predict_are_told() -> None:
    found = [Labelled("a", 0, "x"), Labelled("b", 0, "1"), Labelled("c", 0, "x")]
    assert unknown(found, (1, 2)) == ["x"]
