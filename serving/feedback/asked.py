"""What a client says of predictions: the body of `POST /v1/models/{m}:feedback`. Pure.

One of three forms; a null says nothing of its row:

    {"id": "a1", "label": "setosa"}                       the request `a1`, which had one row
    {"id": "a1", "labels": ["setosa", null, "virginica"]} the rows of the request, in order
    {"feedback": [{"id": "a1", "row": 2, "label": …}, …]} any rows of any requests
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import orjson

from serving.errors import UsageError
from serving.feedback.truths import LONGEST_LABEL, Labelled, Truth, class_text, number
from serving.feedback.wire import LONGEST_ID, is_id

MOST = 10_000
"""Labels of one request: they are one transaction of the collector."""
MOST_BYTES = 4 * 2**20
_EXAMPLE = '{"id": "a1", "label": "setosa"}'


def labels(body: bytes, is_number: bool) -> list[Labelled]:
    """Return the labels of a body, by the kind that the model predicts. Raises UsageError."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"The body is no JSON ({error}); send {_EXAMPLE}.") from error
    if not isinstance(value, dict):
        raise UsageError(f"The body is {_shown(value)}; send {_EXAMPLE}.")
    items = list(_items(value))
    if len(items) > MOST:
        raise UsageError(f"These are {len(items)} labels; send {MOST} at a time.")
    found = [_labelled(item, is_number) for item in items if item.get("label") is not None]
    if not found:
        raise UsageError(f"The body has no label; send {_EXAMPLE}.")
    return found


def unknown(found: Collection[Labelled], classes: Collection[object]) -> list[str]:
    """Return the labels, each once, that the model cannot predict: mostly they are misspelt."""
    known = {class_text(each) for each in classes}
    return list(dict.fromkeys(str(each.label) for each in found if each.label not in known))


def _items(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "feedback" in value:
        yield from _list(value, "feedback")
    elif "labels" in value:
        for row, label in enumerate(_list(value, "labels")):
            yield {"id": value.get("id"), "row": row, "label": label}
    else:
        yield value


def _list(value: dict[str, Any], key: str) -> list[Any]:
    found = value[key]
    if not isinstance(found, list):
        raise UsageError(f'"{key}" is {_shown(found)}; send a list.')
    if key == "feedback" and not all(isinstance(each, dict) for each in found):
        raise UsageError(f'"feedback" holds objects such as {_EXAMPLE}, and nothing else.')
    return found


def _labelled(item: dict[str, Any], is_number: bool) -> Labelled:
    mark, row = item.get("id"), item.get("row", 0)
    if not isinstance(mark, str) or not is_id(mark):
        raise UsageError(
            f'"id" is {_shown(mark)}; send the id of the request (x-request-id, or "id" of V2), a '
            f"printable text of {LONGEST_ID} characters at most."
        )
    if type(row) is not int or not 0 <= row < 2**31:
        raise UsageError(f'"row" of {mark!r:.80} is {_shown(row)}; send its place, from 0.')
    return Labelled(mark, row, _truth(mark, item["label"], is_number))


def _truth(mark: str, label: object, is_number: bool) -> Truth:
    truth: Truth | None = number(label) if is_number else class_text(label)
    if truth is None:
        text = f"a text of {LONGEST_LABEL} characters at most"
        wanted = "a number" if is_number else f"a class: {text}, a whole number, true or false"
        raise UsageError(f'"label" of {mark!r:.80} is {_shown(label)}; send {wanted}.')
    return truth


def _shown(value: object) -> str:
    return f"{value!r:.60}"
