"""A question to a live model: the form that its signature asks for, and who answered what."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from serving import direct
from serving.errors import KanaryaError
from serving.signature import MISSING, Column, Signature

REVISION = "kanarya-revision"
"""The header by which the local gateway says which revision answered."""
TIMEOUT_S = 20.0
LARGEST = 4 << 20
LONGEST_WHY = 500
MOST_FIELDS = 60
"""A model of more columns is asked by JSON: nobody fills in so many fields."""


@dataclass(frozen=True)
class Field:
    """One field of the form: `start` stands in it first, `low` to `high` was seen in training."""

    name: str
    kind: str
    nullable: bool
    options: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    start: object = None


@dataclass(frozen=True)
class Answer:
    """What a model said.

    `shares`: labels with their probabilities, the likeliest first. `seconds`: from here and back.
    `body`: the answer as it came, for people.
    """

    prediction: str
    shares: tuple[tuple[str, float], ...]
    version: str
    revision: str
    seconds: float
    body: str


def fields(signature: Signature) -> tuple[Field, ...]:
    """Return the fields of a form; none where the model takes pictures."""
    return tuple(map(_field, signature.inputs))


def example(signature: Signature) -> dict[str, Any]:
    """Return one row that the model understands."""
    return {field.name: field.start for field in fields(signature)}


def ask(url: str, name: str, instance: Mapping[str, Any]) -> Answer:
    """Return the live answer to one row or picture, by the V1 protocol.

    Raises KanaryaError where the model refuses, or does not answer.
    """
    body = json.dumps({"instances": [instance]}, ensure_ascii=False).encode()
    address = f"{url}/v1/models/{quote(name)}:predict"
    request = urllib.request.Request(address, body, {"content-type": "application/json"})
    began = time.perf_counter()
    try:
        with direct.opener().open(request, timeout=TIMEOUT_S) as found:
            said, revision = found.read(LARGEST), found.headers.get(REVISION, "")
    except urllib.error.HTTPError as error:
        why = _refusal(error.read(LARGEST))
        raise KanaryaError(f"the model answered {error.code}: {why}") from error
    except direct.FAULTS as error:
        raise KanaryaError(f"{url} does not answer ({error}); `kanarya up` starts it") from error
    return _answer(said, revision, time.perf_counter() - began)


def _refusal(body: bytes) -> str:
    """Return why a model refused: its sentence, else what came, as it is."""
    try:
        return str(json.loads(body)["error"])[:LONGEST_WHY]
    except (ValueError, LookupError, TypeError):
        return body.decode(errors="replace")[:LONGEST_WHY]


def _answer(said: bytes, revision: str, seconds: float) -> Answer:
    try:
        found = json.loads(said)
        first = found["predictions"][0]
        named = [*map(str, found.get("classes", ()))]
        several = first if isinstance(first, list) else (found.get("probabilities") or [None])[0]
        shares = _shares(named, several or [])
        prediction = shares[0][0] if isinstance(first, list) and shares else first
        return Answer(
            str(prediction),
            shares,
            str(found.get("model_version") or ""),
            revision,
            seconds,
            json.dumps(found, indent=2, ensure_ascii=False),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise KanaryaError(
            f"what came back is no answer of a model ({said[:200]!r}); look at the service's log"
        ) from error


def _shares(names: list[str], numbers: list[float]) -> tuple[tuple[str, float], ...]:
    labels = names if len(names) == len(numbers) else [str(at) for at in range(len(numbers))]
    pairs = zip(labels, map(float, numbers), strict=True)
    return tuple(sorted(pairs, key=lambda pair: -pair[1]))


def _field(column: Column) -> Field:
    options = ("true", "false") if column.kind == "boolean" else column.categories
    shown = tuple(option for option in options if option != MISSING)
    low, high = column.minimum, column.maximum
    return Field(column.name, column.kind, column.nullable, shown, low, high, _start(column, shown))


def _start(column: Column, options: tuple[str, ...]) -> object:
    """Return the middle of what was seen, rounded as a person would."""
    match column.kind:
        case "boolean":
            return True
        case "text":
            return options[0] if options else ""
    low, high = column.minimum or 0.0, column.maximum or 0.0
    middle = (low + high) / 2
    return round(middle) if column.kind == "integer" else float(f"{middle:.3g}")
