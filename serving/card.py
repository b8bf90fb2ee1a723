"""The card of a model: what it is, what it takes and where it comes from (`card.json`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

from serving import plain_files
from serving.errors import ModelError, UsageError
from serving.signature import Signature

CARD = "card.json"
FORMAT = 1
MOST_ROWS = 256
MOST_WAIT_US = 1_000_000


@dataclass(frozen=True)
class Batching:
    """How requests are gathered into one call of the model; the limits of both are inclusive.

    `max_rows`: rows of a batch, 2 to `MOST_ROWS`; `max_wait_us`: microseconds that the first of a
    batch waits for others, 0 to `MOST_WAIT_US`; with 0 it waits for what was read with it.
    """

    max_rows: int
    max_wait_us: int

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> Batching | None:
        """Return what `dataclasses.asdict` wrote; raise `ModelError` where it is out of range."""
        if value is None:
            return None
        batching = cls(**value)
        for name, least, most in (("max_rows", 2, MOST_ROWS), ("max_wait_us", 0, MOST_WAIT_US)):
            number = getattr(batching, name)
            if type(number) is not int or not least <= number <= most:
                raise ModelError(
                    f"{CARD} has batching.{name} {number!r}, allowed is {least} to {most}; "
                    "package the model again."
                )
        return batching


Runtime = Literal["onnx", "skops"]
"""What answers: `model.onnx`, or `native/model.skops` where ONNX cannot say what the model does."""

Feedback = Literal["asked", "all", "none"]
"""Which predictions are kept until a label comes: those with an id, all (they get one), none."""

_TEXTS = ("name", "kind", "data_sha256", "created_at", "task")


@dataclass(frozen=True)
class Card:
    """Everything about a model that is not its weights. `version` is None until it is published.

    `opset` is that of the ONNX graph, 0 where there is none.
    """

    name: str
    kind: str
    signature: Signature
    data_sha256: str
    libraries: dict[str, str]
    metrics: dict[str, float]
    opset: int
    created_at: str
    task: str = "tabular"
    version: str | None = None
    runtime: Runtime = "onnx"
    batching: Batching | None = None
    """None where a call for each request is quicker."""
    feedback: Feedback = "asked"
    format: int = field(default=FORMAT)

    def with_version(self, version: str) -> Card:
        """Return the same card, published as `version`."""
        return replace(self, version=version)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object (a dict); `from_json` gives the same card back."""
        return {**asdict(self), "signature": self.signature.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Card:
        """Return the card that `to_json` wrote; raise `ModelError` where it is none of ours."""
        if value.get("format") != FORMAT:
            raise ModelError(
                f"The card has format {value.get('format')!r}, this program reads {FORMAT}; "
                "package the model again."
            )
        try:
            signature = Signature.from_json(value["signature"])
            batching = Batching.from_json(value.get("batching"))
            card = cls(**{**value, "signature": signature, "batching": batching})
        except (KeyError, TypeError) as error:
            raise ModelError(f"The card is damaged ({error}); package the model again.") from error
        _refuse_other_types(card)
        return card


def _refuse_other_types(card: Card) -> None:
    kinds: dict[str, object] = {**dict.fromkeys(_TEXTS, str), "libraries": dict, "metrics": dict}
    for name, kind in {**kinds, "opset": int, "version": (str, type(None))}.items():
        if not isinstance(getattr(card, name), kind):  # type: ignore[arg-type]
            raise ModelError(
                f"The card is damaged ({name} is {getattr(card, name)!r:.80}); package it again."
            )
    for name, given, known in (
        ("runtime", card.runtime, get_args(Runtime)),
        ("feedback", card.feedback, get_args(Feedback)),
    ):
        if given not in known:
            raise ModelError(
                f"The card has the {name} {given!r:.80}, known are {', '.join(known)}; "
                "serve it with the version that packaged it."
            )


def feedback_of(word: str) -> Feedback:
    """Return what a form asks for; raise `UsageError` where there is no such choice."""
    if word not in get_args(Feedback):
        raise UsageError(f"feedback: {word!r:.80} is not one of {', '.join(get_args(Feedback))}.")
    return cast(Feedback, word)


def write_card(directory: Path, card: Card) -> None:
    """Write `card.json` into a model directory that is not sealed yet."""
    text = json.dumps(card.to_json(), indent=2, ensure_ascii=False)
    (directory / CARD).write_text(text + "\n", encoding="utf-8")


def read_card(directory: Path) -> Card:
    """Return the card of a model directory; raise `ModelError` where it is missing or damaged."""
    return parse_card(plain_files.read(directory / CARD, plain_files.JSON_LIMIT), directory)


def parse_card(data: bytes, directory: Path) -> Card:
    """Return the card in the bytes of `card.json`; raise `ModelError` where they are damaged."""
    value = plain_files.json_object(data, directory / CARD)
    try:
        return Card.from_json(value)
    except ModelError as error:
        raise ModelError(f"{directory / CARD}: {error}") from error
