"""What may be asked of tuning: the search, its space, and what fits the kind that is tuned.

Importing this is cheap (pydantic only): the spec and the forms read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, prod
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from components.metrics import OF_TASK, USUAL
from components.models import parse
from components.nearest import instead
from serving.errors import UsageError

MOST_TRIALS = 256
"""Above, what the trials showed is more than one argument of a step can hold (128 kB)."""
USUAL_TRIALS = 20


class Part(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Range(Part):
    """Numbers from `low` to `high`, both of them included."""

    low: float = Field(description="lowest value")
    high: float = Field(description="highest value")
    log: bool = Field(False, description="draw evenly over orders of magnitude")
    whole: bool | None = Field(
        None, alias="int", description="whole numbers only; null: as the hyperparameter is"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not (isfinite(self.low) and isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low ({self.low:g}) must be below high ({self.high:g})")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low:g}; with log: true it must be above 0")
        return self


Values = Annotated[list[Any], Field(min_length=1, max_length=MOST_TRIALS)]
Searched = Annotated[
    Annotated[Values, Tag("values")] | Annotated[Range, Tag("range")],
    Discriminator(lambda given: "range" if isinstance(given, Mapping | Range) else "values"),
]


class Tune(Part):
    """Which hyperparameters are tried, how they are compared, and at what cost."""

    method: Literal["grid", "random", "halving"] = Field(
        "random",
        description="grid: every combination; random: drawn ones; halving: drawn ones, first on "
        "few rows, of which the best third goes on to three times as many",
    )
    space: dict[str, Searched] = Field(
        min_length=1,
        description="hyperparameter: [values], or {low, high, log, int} where method draws",
    )
    trials: int | None = Field(
        None,
        ge=1,
        le=MOST_TRIALS,
        description=f"combinations that are drawn ({USUAL_TRIALS}); of a grid: at most",
    )
    cv: int = Field(5, ge=2, le=20, description="folds of the cross-validation")
    metric: str | None = Field(
        None, description="what is compared; default: accuracy, of numbers rmse"
    )
    pods: int = Field(
        4, ge=1, le=64, description="on a cluster: pods that share the trials (halving takes one)"
    )

    @field_validator("space")
    @classmethod
    def _named(cls, space: dict[str, Any]) -> dict[str, Any]:
        if "" in space:
            raise ValueError("a hyperparameter has no name")
        return space

    @model_validator(mode="after")
    def _of_the_method(self) -> Self:
        if self.method != "grid":
            return self
        for name, searched in self.space.items():
            if isinstance(searched, Range):
                raise ValueError(
                    f"{name} is a range, and a grid goes over listed values: "
                    "list those to try, or set method to random"
                )
        if (size := self.combinations()) > (limit := self.trials or MOST_TRIALS):
            raise ValueError(
                f"the grid has {size:,} combinations, and at most {limit} are tried: "
                "list fewer values, or set method to random"
            )
        return self

    def combinations(self) -> int:
        """Return how many combinations the listed values have."""
        return prod(len(each) for each in self.space.values() if isinstance(each, list))


def parsed(given: Mapping[str, Any]) -> Tune:
    """Return what was asked for; raise `UsageError` naming the key and what is wrong with it."""
    try:
        return Tune.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(("tune", *map(str, first["loc"])))
        message = str(first["msg"]).removeprefix("Value error, ")
        raise UsageError(f"{where}: {message[:1].lower()}{message[1:]}.") from error


def check(tune: Tune, task: str, kind: str) -> None:
    """Raise `UsageError` for a metric, a hyperparameter or a value that the kind does not have.

    Values that only together are none (`early_stopping` without validation rows) pass: their
    trials fail, and the others are tried.
    """
    if tune.metric is not None and tune.metric not in (known := OF_TASK[task]):
        raise UsageError(f"{tune.metric!r} is no metric of {task}; {instead(tune.metric, known)}.")
    for name, searched in tune.space.items():
        if isinstance(searched, Range):
            _check_range(name, searched, task, kind)
        else:
            for value in searched:
                typed(task, kind, name, value)


def metric(tune: Tune, task: str) -> str:
    """Return what trials are compared by."""
    return tune.metric or USUAL[task]


def typed(task: str, kind: str, name: str, value: Any) -> Any:
    """Return a value as the kind reads it (100.0 trees are 100).

    Raises `UsageError` where it is none of this hyperparameter.
    """
    try:
        return parse(kind, {name: value}, task).model_dump(mode="json")[name]
    except UsageError as error:
        cause = error.__cause__
        if not isinstance(cause, ValidationError) or cause.errors()[0]["loc"]:
            raise
        return value  # right in itself, and wrong beside the defaults of others


def is_whole(searched: Range, task: str, kind: str, name: str) -> bool:
    """Say whether a range has whole numbers only: it says so, or the hyperparameter is such."""
    if searched.whole is not None:
        return searched.whole
    try:
        typed(task, kind, name, (searched.low + searched.high) / 2 + 1e-3)
    except UsageError:
        return True
    return False


def _check_range(name: str, searched: Range, task: str, kind: str) -> None:
    for end in (searched.low, searched.high):
        if not isinstance(typed(task, kind, name, end), int | float):
            raise UsageError(f"{kind}: {name} is no number; list the values to try.")
    whole = is_whole(searched, task, kind, name)
    if whole and not (searched.low.is_integer() and searched.high.is_integer()):
        raise UsageError(
            f"{kind}: {name} takes whole numbers, and goes from {searched.low:g} to "
            f"{searched.high:g}; give whole ends."
        )
    if not whole:
        typed(task, kind, name, (searched.low + searched.high) / 2 + 1e-3)
