"""The part of a spec that says what serving the model may cost."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from serving.card import Feedback

Limit = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] | None


class ServingGuards(BaseModel):
    """Limits on the served candidate; null: it is only recorded."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    p99_ms: Limit = Field(None, description="99th percentile of the milliseconds to an answer")
    memory_mb: Limit = Field(None, description="resident memory of the predictor, in 10^6 bytes")
    start_s: Limit = Field(None, description="seconds until the predictor is ready")


class Serving(BaseModel):
    """What serving the model may cost, which is measured before the gate, and what it keeps."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    guards: ServingGuards = ServingGuards()
    feedback: Feedback = Field(
        "asked",
        description="predictions that are kept until a label comes: those whose request has an id, "
        "all (they are given one), or none",
    )
