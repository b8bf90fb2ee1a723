"""The card of a model: what it is, what it takes and where it comes from (`card.json`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from serving.errors import ModelError
from serving.signature import Signature

CARD = "card.json"
FORMAT = 1


@dataclass(frozen=True)
class Card:
    """Everything about a model that is not its weights. `version` is None until it is published."""

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
                f"{CARD} has format {value.get('format')!r}, this program reads {FORMAT}; "
                "package the model again."
            )
        try:
            return cls(**{**value, "signature": Signature.from_json(value["signature"])})
        except (KeyError, TypeError) as error:
            raise ModelError(f"{CARD} is damaged ({error}); package the model again.") from error


def write_card(directory: Path, card: Card) -> None:
    """Write `card.json` into a model directory that is not sealed yet."""
    text = json.dumps(card.to_json(), indent=2, ensure_ascii=False)
    (directory / CARD).write_text(text + "\n", encoding="utf-8")


def read_card(directory: Path) -> Card:
    """Return the card of a model directory; raise `ModelError` where it is missing or damaged."""
    path = directory / CARD
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}); package the model again.") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} holds no JSON object; package the model again.")
    return Card.from_json(value)
