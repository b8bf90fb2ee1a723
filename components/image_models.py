"""The model kinds for images: their hyperparameters; free of heavy imports.

The spec, the forms and the console read `HYPERPARAMETERS` from here, as those of tables from
`components.models`; the network itself is in `components.cnn`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from components.models import Hyperparameters, parsed

LEAST_STEPS = 8
"""Steps in an epoch at least, however few pictures there are: what is normalized learns by step."""


class Cnn(Hyperparameters):
    """A convolutional network in three stages; the first layer is computed, not learned."""

    epochs: int = Field(20, ge=1, le=1000, description="Times that every picture is seen.")
    batch_size: int = Field(
        128, ge=2, le=4096, description="Pictures a step, at most an eighth of all."
    )
    learning_rate: float = Field(
        0.1, gt=0, le=10, description="Highest rate; it rises to it for a fifth of the time."
    )
    width: int = Field(
        32,
        ge=4,
        le=512,
        description="Channels of the first stage; each next one has twice as many.",
    )
    dropout: float = Field(0.0, ge=0, le=0.9, description="Share of features left out at the end.")
    label_smoothing: float = Field(
        0.1, ge=0, le=0.5, description="Probability that is spread over the other classes."
    )
    weight_decay: float = Field(5e-3, ge=0, le=1, description="Pulls weights to zero, a step.")
    flip: bool = Field(
        True, description="Mirror half of the pictures; false for letters and digits."
    )
    shift: int = Field(2, ge=0, le=64, description="Move pictures by so many pixels at most.")
    validation_size: float = Field(
        0.04, ge=0, le=0.5, description="Share of the training pictures that only watches."
    )


HYPERPARAMETERS: dict[str, type[BaseModel]] = {"cnn": Cnn}


def parse(kind: str, hyperparameters: Mapping[str, Any]) -> BaseModel:
    """Return the checked hyperparameters of a kind, with defaults for what is not given.

    Raises `UsageError` naming the key, the value and what is allowed.
    """
    return parsed(HYPERPARAMETERS, kind, hyperparameters)
