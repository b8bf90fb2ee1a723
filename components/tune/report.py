"""The trials for reading: a table, and lines through their hyperparameters (no script, no link)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape
from math import log10

from components import report
from components.tune.rules import Search, Trial, short

WIDTH, HEIGHT, MARGIN = 900, 340, 70
TOP, BOTTOM = 40, 300
MAGNITUDES = 50
"""A ratio of the largest number to the smallest from which an axis has orders of magnitude."""
WORST, BEST = (200, 210, 220), (178, 76, 0)
SHOWN = 100
"""Trials in the page's table; the CSV has all."""


def table(search: Search) -> str:
    """Return CSV: a row for each trial, in their order."""
    names = _names(search)
    scores = [search.metric, f"{search.metric}_std", "folds", "rows", "seconds", "error"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["trial", *names, *scores])
    for trial in search.trials:
        given = [short(trial.hyperparameters[name]) for name in names]
        score = ("", "") if trial.score is None else (trial.score, trial.spread)
        rest = (len(trial.scores), trial.rows, trial.seconds, trial.error)
        writer.writerow([trial.number, *given, *score, *rest])
    return out.getvalue()


def page(search: Search, drawn: str) -> str:
    """Return one HTML file: the best first, then those that failed with the reason."""
    names, metric = _names(search), search.metric
    ranked = search.best_first
    failed = [trial for trial in search.trials if trial.error]
    scored = report.Table(
        "Trials, the best first",
        ("trial", *names, metric, "±", "rows", "seconds"),
        [
            (t.number, *_given(names, t), t.score, t.spread, t.rows, t.seconds)
            for t in ranked[:SHOWN]
        ],
        f"Mean and standard deviation over {search.cv} folds of the training rows; "
        "test rows were not used.",
    )
    lost = report.Table(
        "Trials that failed",
        ("trial", *names, "why"),
        [(t.number, *_given(names, t), t.error) for t in failed[:SHOWN]],
    )
    lead = f"{search.kind}, {search.method}: {len(search.trials)} trials compared by {metric}."
    return report.html(report.Report("Tuning", lead, [scored, lost], drawing=drawn))


def _names(search: Search) -> list[str]:
    return list(search.trials[0].hyperparameters)


def _given(names: Sequence[str], trial: Trial) -> list[object]:
    return [short(trial.hyperparameters[name]) for name in names]


def drawing(search: Search) -> str:
    """Return parallel coordinates as SVG: an axis for each hyperparameter, the last is the score.

    The better a trial, the darker its line, and the later it is drawn.
    """
    ranked = search.best_first
    if not ranked:
        return ""
    names = [*_names(search), search.metric]
    columns: list[Sequence[object]] = [
        *([trial.hyperparameters[name] for trial in ranked] for name in names[:-1]),
        [trial.score for trial in ranked],
    ]
    heights = [_heights(column) for column in columns]
    xs = _across(len(columns))
    lines = [
        _line(xs, [column[place] for column in heights], place, ranked)
        for place in reversed(range(len(ranked)))
    ]
    axes = [_axis(x, name, column) for x, name, column in zip(xs, names, columns, strict=True)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="11"><title>Trials by hyperparameters and score</title>'
        f"{''.join(lines)}{''.join(axes)}</svg>\n"
    )


def _across(count: int) -> list[float]:
    return [MARGIN + place * (WIDTH - 2 * MARGIN) / (count - 1) for place in range(count)]


def _heights(values: Sequence[object]) -> list[float]:
    """Return how high on its axis each value stands, 0 to 1."""
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) < len(values):
        known = sorted({short(value) for value in values})
        return [known.index(short(value)) / max(1, len(known) - 1) for value in values]
    if min(numbers) > 0 and max(numbers) / min(numbers) >= MAGNITUDES:
        numbers = [log10(number) for number in numbers]
    low, width = min(numbers), max(numbers) - min(numbers)
    return [(number - low) / width if width else 0.5 for number in numbers]


def _line(
    xs: Sequence[float], heights: Sequence[float], place: int, ranked: Sequence[Trial]
) -> str:
    goodness = 1 - place / max(1, len(ranked) - 1)
    parts = (round(w + (b - w) * goodness) for w, b in zip(WORST, BEST, strict=True))
    points = " ".join(f"{x:.1f},{_y(height):.1f}" for x, height in zip(xs, heights, strict=True))
    return (
        f'<polyline points="{points}" fill="none" stroke="rgb({",".join(map(str, parts))})" '
        f'stroke-width="{3 if place == 0 else 1.2}"><title>trial {ranked[place].number}</title>'
        "</polyline>"
    )


def _y(height: float) -> float:
    return BOTTOM - height * (BOTTOM - TOP)


def _axis(x: float, name: str, values: Sequence[object]) -> str:
    heights = _heights(values)
    ticks = dict(sorted(zip((round(h, 6) for h in heights), values, strict=True), key=_height))
    chosen = list(ticks.items())
    if len(chosen) > 8:  # the ends say enough, more would overlap
        chosen = [chosen[0], chosen[-1]]
    labels = "".join(
        f'<text x="{x + 5:.1f}" y="{_y(height) + 4:.1f}">{escape(_tick(value))}</text>'
        for height, value in chosen
    )
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{BOTTOM}" stroke="#555"/>'
        f'<text x="{x:.1f}" y="{TOP - 16}" text-anchor="middle" font-weight="bold">'
        f"{escape(name)}</text>{labels}"
    )


def _height(tick: tuple[float, object]) -> float:
    return tick[0]


def _tick(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else short(value)[:16]
