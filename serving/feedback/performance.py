"""How good each version was on what was labelled since, with intervals: plain values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from serving.errors import PlatformError
from serving.intervals import student, wilson

ACCURACY, MAE, RMSE = "accuracy", "mae", "rmse"


@dataclass(frozen=True)
class Interval:
    """A metric and its interval at 95 %; `high` is infinite where one label bounds nothing."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | None]:
        """Return a JSON object; no bound is null."""
        high = self.high if math.isfinite(self.high) else None
        return {"value": self.value, "low": self.low, "high": high}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Interval:
        """Return what `to_json` wrote; raises KeyError, ValueError or TypeError."""
        high = value["high"]
        return cls(
            float(value["value"]), float(value["low"]), math.inf if high is None else float(high)
        )


@dataclass(frozen=True)
class VersionPerformance:
    """One version: its predictions that are kept, how many have a label, and how good they were.

    `metrics`: accuracy of classes; mae and rmse of numbers; none without a label.
    """

    predictions: int
    labels: int
    metrics: Mapping[str, Interval] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        metrics = {name: each.to_json() for name, each in self.metrics.items()}
        return {"predictions": self.predictions, "labels": self.labels, "metrics": metrics}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> VersionPerformance:
        """Return what `to_json` wrote; raises KeyError, ValueError, TypeError or AttributeError."""
        metrics = {name: Interval.from_json(each) for name, each in value["metrics"].items()}
        return cls(int(value["predictions"]), int(value["labels"]), metrics)


@dataclass(frozen=True)
class LivePerformance:
    """What is known of a model by version, of the predictions of the last `window_s` seconds.

    `waiting`: labels whose prediction is not known; they are kept in case it comes.
    """

    model: str
    versions: Mapping[str, VersionPerformance]
    window_s: float
    waiting: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return what `GET /v2/models/{m}/feedback` answers."""
        versions = {version: each.to_json() for version, each in self.versions.items()}
        told = {"model": self.model, "versions": versions}
        return {**told, "window_s": self.window_s, "waiting": self.waiting}

    @classmethod
    def from_json(cls, value: Any, source: str) -> LivePerformance:
        """Return what `to_json` wrote; raise PlatformError naming the source where it is not."""
        try:
            versions = {
                str(version): VersionPerformance.from_json(each)
                for version, each in value["versions"].items()
            }
            window_s, waiting = float(value["window_s"]), int(value.get("waiting", 0))
            return cls(str(value["model"]), versions, window_s, waiting)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise PlatformError(
                f"{source} does not say how a model performs ({error!r}); is it a predictor of "
                "this version?"
            ) from error


class Sums(NamedTuple):
    """What labels and predictions of one version add up to.

    Of classes `right`; of numbers the sums of the errors' first, second and fourth powers.
    """

    version: str
    is_number: bool
    labels: int
    right: int
    absolute: float = 0.0
    squared: float = 0.0
    fourth: float = 0.0


def by_version(
    predictions: Mapping[str, int], sums: Iterable[Sums]
) -> dict[str, VersionPerformance]:
    """Return the performance of every version, in their order; `predictions`: how many are kept."""
    found = {each.version: each for each in sums}
    return {
        version: VersionPerformance(
            predictions.get(version, 0),
            found[version].labels if version in found else 0,
            metrics(found[version]) if version in found else {},
        )
        for version in sorted({*predictions, *found}, key=_order)
    }


def metrics(sums: Sums) -> dict[str, Interval]:
    """Return accuracy with Wilson's interval, or mae and rmse with Student's.

    That of the rmse is the root of the interval of the mean square, so a few great errors make it
    wide; labels are taken to be independent of each other.
    """
    rows = sums.labels
    if not rows:
        return {}
    if not sums.is_number:
        return {ACCURACY: Interval(sums.right / rows, *wilson(sums.right, rows))}
    mae, mean_square = sums.absolute / rows, sums.squared / rows
    low, high = student(rows, mean_square, sums.fourth / rows)
    return {
        MAE: Interval(mae, *student(rows, mae, mean_square)),
        RMSE: Interval(math.sqrt(mean_square), math.sqrt(low), math.sqrt(high)),
    }


def _order(version: str) -> tuple[bool, int, str]:
    return not version.isdecimal(), int(version) if version.isdecimal() else 0, version
