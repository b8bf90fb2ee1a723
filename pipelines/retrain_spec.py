"""The part of a spec that says when a live model is trained again without anybody asking."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipelines.cron import six_fields
from pipelines.spec_parts import Part
from serving.errors import UsageError

LIVE_METRICS = {"tabular": ("accuracy",), "tabular-regression": ("rmse", "mae")}
LIVE_METRICS["image"] = LIVE_METRICS["tabular"]
"""What labels that came in later can say of a live model, by task; the first is the usual one."""


def _cron(value: str) -> str:
    try:
        return six_fields(value)
    except UsageError as error:
        raise ValueError(str(error).replace("--cron ", "")) from error


class Drift(Part):
    """When what the live version is asked is no longer what it learned from."""

    windows: int = Field(
        2, ge=1, le=100, description="windows that must have drifted, the newest among them"
    )
    of: int = Field(5, ge=1, le=100, description="of so many newest windows")
    rows: int = Field(1000, ge=50, le=10**7, description="rows after which a window is closed")

    @model_validator(mode="after")
    def _possible(self) -> Drift:
        if self.windows > self.of:
            raise ValueError(f"{self.windows} windows of the last {self.of} are never reached")
        return self


class Live(Part):
    """When the live version is wrong too often, as labels that came in later tell."""

    metric: Literal["accuracy", "rmse", "mae"] | None = Field(
        None, description="default: accuracy, of numbers rmse"
    )
    floor: float = Field(
        ge=0,
        le=1e12,
        description="start where its whole interval lies below; of rmse and mae: above",
    )
    labels: int = Field(100, ge=10, le=10**7, description="labels that are needed for it")


class When(Part):
    """What starts it; any of them does."""

    drift: Drift | None = Field(None, description="the newest windows of traffic have drifted")
    live: Live | None = Field(None, description="labels say that it is wrong too often")
    data: bool = Field(False, description="start where what data.uri names has changed")
    schedule: Annotated[str, AfterValidator(_cron)] | None = Field(
        None, description="start by the clock: cron of five fields (UTC), such as 0 3 * * sun"
    )

    @model_validator(mode="after")
    def _any(self) -> When:
        if not (self.drift or self.live or self.data or self.schedule):
            raise ValueError("say what starts it: drift, live, data or schedule")
        return self


class Budget(Part):
    """What may be spent on it in any so many days."""

    runs: int = Field(7, ge=1, le=10_000, description="such runs in so many days")
    hours: float = Field(
        24.0, gt=0, le=10_000, description="hours that they may take together in so many days"
    )
    days: float = Field(7.0, gt=0, le=31, description="the days in which they are counted")


class Retrain(Part):
    """When the live model is trained again by itself, and how often at most."""

    when: When
    cooldown_hours: float = Field(
        24.0, ge=0, le=8784, description="hours from the end of such a run to the next"
    )
    budget: Budget = Budget()


def fitting(retrain: Retrain | None, task: str) -> Retrain | None:
    """Return it with the task's usual metric filled in; raise `ValueError` for one of another."""
    live = retrain.when.live if retrain else None
    if retrain is None or live is None:
        return retrain
    metric = live.metric or LIVE_METRICS[task][0]
    if metric not in LIVE_METRICS[task]:
        known = " or ".join(LIVE_METRICS[task])
        raise ValueError(f"when.live.metric is {metric}; of task {task} labels tell {known}")
    if metric == "accuracy" and live.floor > 1:
        raise ValueError(f"when.live.floor is {live.floor:g}; an accuracy is 1 at most")
    told = live.model_copy(update={"metric": metric})
    return retrain.model_copy(update={"when": retrain.when.model_copy(update={"live": told})})
