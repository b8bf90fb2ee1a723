"""Pictures of an evaluation, as PNG bytes (the home of matplotlib).

Only its object-oriented half: pyplot keeps global state, and costs half a second to import.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from components.scores import Curve, PrecisionRecall, Reliability

RIGHT, WRONG, GREY = "#2f6f9f", "#c8553d", "#9aa3ab"
NUMBERED_CLASSES = 15
"""Up to here every cell of a confusion matrix shows its number."""
NAMED_CLASSES = 50
LABEL_LENGTH = 18
THUMBNAIL = 128
"""Pixels of a picture's longer side on a sheet."""
LONG_NUMBERS = 0.2
"""Room to the left for numbers of any size, as a share of the width."""


def confusion(counts: np.ndarray, labels: Sequence[object]) -> bytes:
    """Return the confusion matrix as a picture: a row for each true class, shaded by its share."""
    figure, axes = _axes(min(4.0 + 0.35 * len(labels), 12.0))
    figure.set_layout_engine("constrained")  # names of classes are of any length
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    _name_classes(axes, [_short(label) for label in labels])
    if len(labels) <= NUMBERED_CLASSES:
        for (row, column), count in np.ndenumerate(counts):
            color = "white" if shares[row, column] > 0.6 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=color, fontsize=9)
    axes.set(xlabel="predicted", ylabel="true", title="Confusion matrix")
    return _png(figure)


def roc(curve: Curve, area: float | None) -> bytes:
    """Return the ROC curve as a picture."""
    figure, axes = _axes(4.6)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    axes.plot(curve.false_positive, curve.true_positive, color=RIGHT, linewidth=2)
    shown = "" if area is None else f" (AUC {area:.3f})"
    axes.set(
        xlabel="false positive rate",
        ylabel="true positive rate",
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
    )
    # A label may hold dollar signs, which would be read as a formula.
    axes.set_title(f"ROC: {_short(curve.name, 40)}{shown}", parse_math=False)
    return _png(figure)


def confidence(highest: np.ndarray, right: np.ndarray) -> bytes:
    """Return a histogram of the highest probability per row, right and wrong answers apart."""
    figure, axes = _axes(4.6)
    parts = [highest[right], highest[~right]]
    names = [f"right ({right.sum()})", f"wrong ({(~right).sum()})"]
    # Filled outlines: two shapes to draw instead of forty bars.
    look: Any = {"histtype": "stepfilled", "stacked": True, "color": [RIGHT, WRONG]}
    axes.hist(parts, bins=20, range=(0.0, 1.0), label=names, **look)
    axes.legend(frameon=False)
    axes.set(xlabel="highest probability", ylabel="test rows", title="Confidence")
    return _png(figure)


def sheet(pictures: Sequence[tuple[np.ndarray, str]], columns: int) -> bytes:
    """Return pictures, uint8 [height, width, channels], side by side with a text below each."""
    from matplotlib.figure import Figure

    rows = max(1, math.ceil(len(pictures) / columns))
    shown = [(_thumbnail(pixels), text) for pixels, text in pictures]
    side = max((max(pixels.shape[:2]) for pixels, _ in shown), default=1)
    canvas = np.full((rows * side * 3 // 2, columns * side * 9 // 8, 3), 255, np.uint8)
    figure = Figure(figsize=(columns * 1.25, rows * 1.65), dpi=110)
    axes = figure.add_axes((0.01, 0.0, 0.98, 0.99))
    for place, (pixels, text) in enumerate(shown):
        top, left = place // columns * side * 3 // 2, place % columns * side * 9 // 8
        canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
        lines = "\n".join(_short(line) for line in text.split("\n"))
        axes.text(left, top + side * 1.05, lines, fontsize=7, va="top", parse_math=False)
    axes.imshow(canvas, aspect="auto", interpolation="nearest")
    axes.set_axis_off()
    return _png(figure)


def _thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Return every n-th pixel, so that a side has `THUMBNAIL` at most."""
    step = math.ceil(max(pixels.shape[:2]) / THUMBNAIL)
    return np.asarray(pixels[::step, ::step])


def training(curves: Mapping[str, Sequence[float]]) -> bytes:
    """Return what was measured after each epoch: a part for each measure, such as loss."""
    from matplotlib.figure import Figure

    measures = list(dict.fromkeys(name.rpartition("_")[2] for name in curves))
    figure = Figure(figsize=(4.6 * len(measures), 3.9), dpi=110, layout="constrained")
    parts: Any = figure.subplots(1, len(measures), squeeze=False)[0]
    for axes, measure in zip(parts, measures, strict=True):
        for name, values in curves.items():
            if name.endswith(measure):
                color = WRONG if name.startswith("val") else RIGHT
                axes.plot(range(1, len(values) + 1), values, label=name, color=color, marker=".")
        axes.set(xlabel="epoch", title=measure)
        axes.legend(frameon=False)
    return _png(figure)


def precision_recall(curve: PrecisionRecall) -> bytes:
    """Return precision against recall as a picture."""
    figure, axes = _axes(4.6)
    axes.plot(curve.recall, curve.precision, color=RIGHT, linewidth=2)
    axes.set(xlabel="recall", ylabel="precision", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.set_title(f"Precision: {_short(curve.name, 40)}", parse_math=False)
    return _png(figure)


def calibration(found: Reliability) -> bytes:
    """Return how often answers were right against how sure they were; a dot's area is its rows."""
    figure, axes = _axes(4.6)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    axes.plot(found.confidence, found.accuracy, color=RIGHT, linewidth=1)
    areas = 20 + 300 * np.array(found.rows) / sum(found.rows)
    axes.scatter(found.confidence, found.accuracy, s=areas, color=RIGHT, alpha=0.7)
    axes.set(xlabel="probability of the answer", ylabel="share that is right")
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), title=f"Calibration (error {found.error:.3f})")
    return _png(figure)


def importance(names: Sequence[str], growths: Sequence[float], spreads: Sequence[float]) -> bytes:
    """Return bars of how much the error grows when a column is shuffled, the largest on top."""
    figure, axes = _axes(4.6)
    figure.set_layout_engine("constrained")  # names of columns are of any length
    places: Any = range(len(names))
    look: Any = {"ecolor": GREY, "color": RIGHT}
    axes.barh(places, growths, xerr=spreads, **look)
    axes.set_yticks(places, [_short(name) for name in names], fontsize=8, parse_math=False)
    axes.invert_yaxis()
    axes.set(xlabel="growth of the error", title="Importance of the columns")
    return _png(figure)


def estimates(truth: np.ndarray, predicted: np.ndarray) -> bytes:
    """Return what was predicted against what was true."""
    figure, axes = _axes(4.6, LONG_NUMBERS)
    ends = [float(min(truth.min(), predicted.min())), float(max(truth.max(), predicted.max()))]
    axes.plot(ends, ends, color=GREY, linewidth=1, linestyle="--")
    axes.scatter(truth, predicted, s=8, color=RIGHT, alpha=0.4, linewidths=0)
    axes.set(xlabel="true", ylabel="predicted", title="Predicted against true")
    return _png(figure)


def residuals(predicted: np.ndarray, errors: np.ndarray) -> bytes:
    """Return the errors against what was predicted: a shape in them is something not learned."""
    figure, axes = _axes(4.6, LONG_NUMBERS)
    axes.axhline(0.0, color=GREY, linewidth=1, linestyle="--")
    axes.scatter(predicted, errors, s=8, color=RIGHT, alpha=0.4, linewidths=0)
    axes.set(xlabel="predicted", ylabel="predicted - true", title="Residuals")
    return _png(figure)


def error_sizes(errors: np.ndarray) -> bytes:
    """Return a histogram of the errors."""
    figure, axes = _axes(4.6, LONG_NUMBERS)
    look: Any = {"histtype": "stepfilled", "color": RIGHT}
    axes.hist(errors, bins=40, **look)
    axes.set(xlabel="predicted - true", ylabel="test rows", title="Errors")
    return _png(figure)


def _axes(inches: float, left: float = 0.14) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(inches, inches * 0.85), dpi=110)
    figure.subplots_adjust(left=left, bottom=0.14, right=0.96, top=0.91)
    return figure, figure.add_subplot()


def _name_classes(axes: Axes, names: list[str]) -> None:
    if len(names) > NAMED_CLASSES:
        return
    places: Any = range(len(names))
    axes.set_xticks(places, names, rotation=45, ha="right", fontsize=8, parse_math=False)
    axes.set_yticks(places, names, fontsize=8, parse_math=False)


def _short(label: object, length: int = LABEL_LENGTH) -> str:
    text = " ".join(str(label).split())
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _png(figure: Figure) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # Labels in a script that the font lacks are drawn as boxes; the tables have them in full.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(stream, format="png")
    return stream.getvalue()
