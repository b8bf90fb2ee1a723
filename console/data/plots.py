"""Lines as they are drawn: grouped by plot, and no longer than a screen shows.

They are made once for each reading, however many browsers draw them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter

from pipelines.run_events import Measured
from pipelines.run_usage import Look

Point = tuple[float, float]
Plots = Mapping[str, Mapping[str, Sequence[Point]]]
"""The points (x, y) of each line of each plot, by their names."""

MOST = 512
"""Points of one line: a chart is seldom wider in pixels."""
_PLACE, _HEIGHT = itemgetter(0), itemgetter(1)
PREFIXES = ("train_", "val_")
CHARTS = ("cpu_cores", "memory_megabytes")
"""What is drawn of a run's usage at first; GPUs have names of their own and come behind."""


def curves(curve: Iterable[Measured]) -> Plots:
    """Return a plot for each metric, loss first, with its training and its validation by epoch."""
    found = grouped(
        (bare(name), name, each.epoch, value)
        for each in curve
        for name, value in each.values.items()
    )
    order = sorted(found, key=lambda metric: (metric != "loss", metric))
    return {metric: dict(sorted(found[metric].items())) for metric in order}


def usage(looks: Iterable[Look]) -> Plots:
    """Return a plot for cores, memory and what GPUs do; a line for each step, by milliseconds."""
    found = grouped(
        (name, look.step, 1000 * look.at, value)
        for look in looks
        for name, value in look.values.items()
    )
    gpus = sorted(name for name in found if name.startswith("gpu"))
    return {name: found[name] for name in (*CHARTS, *gpus) if name in found}


def grouped(points: Iterable[tuple[str, str, float, float]]) -> Plots:
    """Return the plots of points (plot, line, x, y), each line thinned to what can be seen."""
    found: dict[str, dict[str, list[Point]]] = {}
    for plot, line, x, y in points:
        found.setdefault(plot, {}).setdefault(line, []).append((x, y))
    return {
        plot: {line: thinned(each) for line, each in lines.items()} for plot, lines in found.items()
    }


def thinned(points: Sequence[Point], most: int = MOST) -> Sequence[Point]:
    """Return at most `most` points in their order: the lowest and the highest of every stretch.

    So a spike stays to be seen. Stretches begin at the same places however the line grows, until
    they become twice as long; the newest point is there always.
    """
    if len(points) <= most:
        return points
    length = 4
    while 2 * -(-len(points) // length) >= most:
        length *= 2
    kept: list[Point] = []
    for start in range(0, len(points), length):
        stretch = points[start : start + length]
        ends = {min(stretch, key=_HEIGHT), max(stretch, key=_HEIGHT)}
        kept += sorted(ends, key=_PLACE)
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]


def bare(name: str) -> str:
    """Return a metric's name without the part of the data that it was measured on."""
    return next((name[len(p) :] for p in PREFIXES if name.startswith(p)), name)
