"""The part of a spec that says what a candidate must show; every pipeline that registers has it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from components.metrics import METRICS, OF_TASK, USUAL
from components.nearest import instead


def _metric(value: str) -> str:
    if value not in METRICS:
        raise ValueError(f"there is no metric {value!r}; {instead(value, METRICS)}")
    return value


Metric = Annotated[str, AfterValidator(_metric)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Champion(_Part):
    """How the candidate must compare with the version that serves, on the same test rows."""

    metric: Metric | Literal[""] | None = Field(
        None, description="default: accuracy, of numbers rmse; '' switches the comparison off"
    )
    margin: float = Field(
        0.0,
        ge=0,
        le=1e12,
        description="how much worse than the champion is still accepted, in the metric's unit",
    )
    alpha: float = Field(
        0.05, ge=1e-6, le=0.5, description="how often chance may deceive the gate, on each side"
    )
    power: float = Field(
        0.8,
        ge=0.5,
        le=0.999,
        description="share of the cases for which the told number of rows is enough",
    )
    require: Literal["better", "non_inferior"] = Field(
        "non_inferior", description="better, or not worse by more than the margin"
    )
    on_cannot_tell: Literal["measured", "reject", "accept"] = Field(
        "measured",
        description="where the test rows are too few to tell: let the measured difference decide, "
        "reject or accept",
    )


def _text(value: object) -> object:
    """Return what YAML took for a number or a boolean as it stands in a cell."""
    return str(value) if isinstance(value, int | float) else value


class SliceGuard(_Part):
    """A limit for a part of the test rows; without a value for every part of the column."""

    column: str = Field(min_length=1, description="an input column")
    value: Annotated[str, BeforeValidator(_text)] | None = Field(
        None, description="what is in its cells; left out: every part of at least ten rows"
    )
    metric: Metric | None = Field(None, description="default: the one that the champion is for")
    floor: float | None = Field(
        None, allow_inf_nan=False, description="lowest value (of losses and errors: highest)"
    )
    max_drop: float | None = Field(
        None, ge=0, le=1e12, description="how much worse than the champion on the same rows"
    )

    @model_validator(mode="after")
    def _check(self) -> SliceGuard:
        if (self.floor is None) == (self.max_drop is None):
            raise ValueError("a slice has one of floor and max_drop")
        return self


class Gate(_Part):
    """What a candidate must show before it may be registered."""

    floor: dict[Metric, Annotated[float, Field(allow_inf_nan=False)]] = Field(
        default_factory=dict, description="lowest value (of losses and errors: highest) per metric"
    )
    champion: Champion = Champion()


class TableGate(Gate):
    """What a model of a table must show before it may be registered."""

    slices: tuple[SliceGuard, ...] = Field((), description="limits for parts of the test rows")


class ImageGate(Gate):
    """What a network must show before it may be registered."""

    floor: dict[Metric, Annotated[float, Field(allow_inf_nan=False)]] = Field(
        default_factory=lambda: {"accuracy": 0.6},
        description="lowest value (log_loss: highest) per metric",
    )


G = TypeVar("G", bound=Gate)


def measurable(gate: G, task: str) -> G:
    """Return the gate; raise `ValueError` for a metric that its task does not have."""
    known = OF_TASK[task]
    of_slices = [each.metric for each in gate.slices] if isinstance(gate, TableGate) else []
    for metric in (*gate.floor, gate.champion.metric, *of_slices):
        if metric and metric not in known:
            raise ValueError(f"{metric} is no metric of {task}; {instead(metric, known)}")
    return gate


def gate_arguments(gate: Gate, task: str) -> dict[str, Any]:
    """Return the parameters of a compiled pipeline for this gate."""
    champion = gate.champion
    return {
        "gate_floor": dict(gate.floor),
        "champion_metric": USUAL[task] if champion.metric is None else champion.metric,
        "champion_margin": champion.margin,
        "champion_evidence": champion.model_dump(exclude={"metric", "margin"}),
    }


def slice_arguments(gate: TableGate) -> list[dict[str, Any]]:
    """Return the guards of slices as the pipeline takes them."""
    return [each.model_dump(exclude_none=True) for each in gate.slices]
