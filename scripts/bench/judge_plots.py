"""The two pictures of the judge's benchmark, as SVG (a home of matplotlib)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#2f6f9f", "#c8553d", "#d9a441", "#6b8f71", "#8a6fa8", "#9aa3ab")


def plot_false_rollbacks(
    path: Path, until: Mapping[str, np.ndarray], alpha: float, horizon: int
) -> None:
    """Draw which share of identical canaries each rule has rolled back by when."""
    figure, axes = _axes()
    at = np.unique(np.geomspace(10, horizon, 300).astype(int))
    for colour, (name, first) in zip(COLOURS, until.items(), strict=False):
        ordered = np.sort(first)
        axes.plot(at, np.searchsorted(ordered, at, side="right") / len(first), colour, label=name)
    axes.axhline(alpha, color="black", linestyle=":", linewidth=1, label=f"alpha = {alpha:g}")
    axes.set(
        xscale="log",
        xlabel="requests of the canary, a look after each",
        ylabel="identical canaries rolled back",
        ylim=(0, 1),
        title="False rollbacks, every rule as shipped",
    )
    axes.legend(frameon=False, fontsize=9)
    _write(figure, path)


def plot_detection(path: Path, medians: Mapping[str, Mapping[str, float]], horizon: int) -> None:
    """Draw the median requests until a rollback; what is never found is left out."""
    figure, axes = _axes()
    names = list(next(iter(medians.values())))
    colours = ("black", *COLOURS)
    for colour, (rule, found) in zip(colours, medians.items(), strict=False):
        places = [(found[name], row) for row, name in enumerate(names) if found[name] <= horizon]
        x, y = zip(*places, strict=True) if places else ((), ())
        marker = {"an oracle": "|", "Kanarya": "D"}.get(rule, "o")
        axes.plot(x, y, marker, color=colour, label=rule, markersize=8 if marker == "|" else 6)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="y", color="#e5e8ea")
    axes.set(
        xscale="log",
        xlabel="median requests of the canary until it is rolled back",
        title="All at the same rate of false rollbacks",
    )
    axes.legend(frameon=False, fontsize=9, bbox_to_anchor=(1, 1))
    _write(figure, path)


def _axes() -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 3.8), layout="constrained")
    axes: Axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _write(figure: Figure, path: Path) -> None:
    from matplotlib import rc_context

    steady: Any = {"svg.hashsalt": "judge", "svg.fonttype": "none"}
    with rc_context(steady):
        figure.savefig(path, format="svg", metadata={"Date": None})
