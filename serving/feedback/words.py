"""Live performance in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator

from serving.feedback.performance import ACCURACY, Interval, LivePerformance, VersionPerformance
from serving.figures import figure

DAY_S, HOUR_S = 86_400.0, 3600.0


def lines(found: LivePerformance) -> Iterator[str]:
    """Yield a line for each version, none where nothing was ever kept."""
    for version, each in found.versions.items():
        yield f"  live, version {version}: {of_version(each, found.window_s)}"
    if found.waiting:
        several = "labels wait for a prediction with their id; were their requests sent with it"
        one = "label waits for a prediction with its id; was its request sent with it"
        yield f"  {found.waiting:,} {one if found.waiting == 1 else several}, in x-request-id?"


def of_version(each: VersionPerformance, window_s: float) -> str:
    """Return how good a version was, and on how much that rests."""
    noun = "label" if each.labels == 1 else "labels"
    rests = f"{each.labels:,} {noun} of {each.predictions:,} predictions, {span(window_s)}"
    shown = ", ".join(f"{name} {interval(name, it)}" for name, it in each.metrics.items())
    return f"{shown} on {rests}" if shown else f"no label yet of {rests.partition(' of ')[2]}"


def interval(metric: str, found: Interval) -> str:
    """Return a metric with its interval at 95 %."""
    if metric == ACCURACY:
        return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"
    if math.isinf(found.high):
        return f"{figure(found.value)} (one label bounds nothing)"
    return f"{figure(found.value)} ({figure(found.low)} to {figure(found.high)})"


def span(seconds: float) -> str:
    """Return a span of time in days or hours."""
    days = seconds / DAY_S
    return f"last {days:g} days" if days >= 2 else f"last {seconds / HOUR_S:g} hours"
