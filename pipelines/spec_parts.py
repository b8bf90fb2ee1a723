"""The parts of a spec that models of tables have, and the name that every model has."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from components.credentials import require_none
from components.models import HYPERPARAMETERS

NAME = re.compile(r"[a-z]([-a-z0-9]{0,51}[a-z0-9])?")


def _service_name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(
            "a name is also the InferenceService's: lower-case letters, digits and '-', "
            "beginning with a letter, at most 53 characters"
        )
    return value


ServiceName = Annotated[
    str,
    AfterValidator(_service_name),
    Field(description="name of the model, its experiment and its InferenceService"),
]


Address = Annotated[str, AfterValidator(require_none)]


class Part(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(Part):
    """Which table, and which of its columns."""

    uri: Address = Field(
        description="CSV: a file (also .gz, .zst), a folder or a pattern of them: a path (relative "
        "to the spec), file://, gs://, s3:// or http(s)://; secrets as ${NAME} of a variable"
    )
    target: str = Field(min_length=1, description="the column to predict")
    drop: tuple[str, ...] = Field((), description="columns that the model must not see")


class Split(Part):
    """How the test rows are drawn."""

    test_size: float = Field(0.2, ge=0.05, le=0.5, description="share of rows kept for testing")
    random_state: int = Field(42, ge=0, le=2**31 - 1, description="seed of the draw and the model")
    stratify: bool = Field(
        True,
        description="keep the shares of classes (of small and large numbers) in both parts",
    )


KINDS = "; ".join(f"{task}: {', '.join(kinds)}" for task, kinds in HYPERPARAMETERS.items())


class Model(Part):
    """Which model, with which hyperparameters (those left out take their defaults)."""

    kind: str = Field("random_forest", description=KINDS)
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
