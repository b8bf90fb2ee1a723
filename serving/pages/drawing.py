"""Scales, ticks and marks: numbers in, positions in a drawing out. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from serving.pages.content import Mark

SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass(frozen=True)
class Scale:
    """Maps `low` … `high` linearly to the pixels `start` … `end`; what lies outside is clipped."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the position of a value."""
        width = self.high - self.low
        share = (min(max(value, self.low), self.high) - self.low) / width if width else 0.0
        return self.start + share * (self.end - self.start)


def nice(value: float) -> float:
    """Return the next number of 1, 2, 2.5, 5 or 10 times a power of ten; 1 for 0."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(f * power for f in (1, 2, 2.5, 5, 10) if f * power >= value * (1 - 1e-9))


def ticks(high: float, count: int = 4) -> list[float]:
    """Return about `count` round numbers from 0 to at most `high`."""
    step = nice(high / count)
    return [step * n for n in range(math.floor(high / step * (1 + 1e-9)) + 1)]


def time_ticks(seconds: float, count: int = 4) -> list[float]:
    """Return about `count` round moments from 0 to at most `seconds`."""
    if seconds < 2:
        return ticks(seconds or 1.0, count)
    step = next((s for s in SECONDS if seconds / s <= count + 1), None) or nice(seconds / count)
    return [step * n for n in range(math.floor(seconds / step) + 1)]


def line(css: str, x: Sequence[float], y: Sequence[float]) -> Mark:
    """Return a straight line from (x[0], y[0]) to (x[1], y[1])."""
    at = {"x1": px(x[0]), "y1": px(y[0]), "x2": px(x[1]), "y2": px(y[1])}
    return Mark("line", css, at)


def bar(css: str, x: Sequence[float], top: float, height: float) -> Mark:
    """Return a lying bar between two x, in whichever order they are."""
    left, right = sorted(x)
    at = {"x": px(left), "y": px(top), "width": px(right - left), "height": px(height), "rx": "1.5"}
    return Mark("rect", css, at)


def dot(css: str, x: float, y: float, radius: float = 5) -> Mark:
    """Return a point."""
    return Mark("circle", css, {"cx": px(x), "cy": px(y), "r": px(radius)})


def text(said: str, x: float, y: float, css: str = "start") -> Mark:
    """Return a text on its base line; `css` has start, middle or end, and maybe quiet."""
    return Mark("text", css, {"x": px(x), "y": px(y)}, said)


def stairs(css: str, points: Sequence[tuple[float, float]]) -> Mark:
    """Return a path that keeps each y until the next x."""
    (x, y), *rest = points
    steps = "".join(f"H{px(x)}V{px(y)}" for x, y in rest)
    return Mark("path", css, {"d": f"M{px(x)} {px(y)}{steps}"})


def px(value: float) -> str:
    """Return a position with a tenth of a pixel at most."""
    return f"{value:.1f}".removesuffix(".0")
