"""What was measured of a served model, and whether the spec's guards allow it: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.servable import Check
from serving.errors import ModelError
from serving.golden import TOLERANCE, sizes

UNITS = {"p99_ms": "ms", "memory_mb": "MB", "start_s": "s"}
TITLES = {
    "p99_ms": "The 99th percentile of the time to an answer",
    "memory_mb": "The memory of the predictor",
    "start_s": "The time until the predictor is ready",
}


@dataclass(frozen=True)
class Measured:
    """One start of the predictor: seconds until it was ready, of each request, and its memory.

    `golden`: the rows that got their answers; `rss` and `pss` are bytes, None where the system does
    not tell.
    """

    start_s: float
    seconds: Sequence[float]
    golden: int
    rss: int | None = None
    pss: int | None = None


def metrics(measured: Measured) -> dict[str, float]:
    """Return the numbers as MLflow and the gate name them; what was not measured is left out."""
    p50, p99 = np.percentile(np.asarray(measured.seconds) * 1e3, [50, 99])
    found = {"p50_ms": p50, "p99_ms": p99, "start_s": measured.start_s}
    found["golden_rows"] = measured.golden
    memory = {"memory_mb": measured.rss, "memory_pss_mb": measured.pss}
    found |= {name: size / 1e6 for name, size in memory.items() if size is not None}
    return {f"serving_{name}": round(float(value), 3) for name, value in found.items()}


def checks(found: Mapping[str, float], guards: Mapping[str, float]) -> tuple[Check, ...]:
    """Return one check for each guard; what could not be measured is never passed."""
    return tuple(
        _check(name, found.get(f"serving_{name}"), limit) for name, limit in guards.items()
    )


def _check(name: str, value: float | None, limit: float) -> Check:
    unit, title = UNITS[name], TITLES[name]
    if value is None:
        sentence = f"{title} could not be measured here; at most {limit:g} {unit} is asked."
        return Check("servability", name, None, limit, False, sentence)
    verb = "is" if value <= limit else "should be"
    sentence = f"{title}, {value:g} {unit}, {verb} at most {limit:g} {unit}."
    return Check("servability", name, value, limit, value <= limit, sentence)


def refuse_other_answers(golden: np.ndarray, answers: np.ndarray) -> None:
    """Raise ModelError where the answers over HTTP [n, k] are not the golden ones [n, k].

    As everywhere, probabilities are compared as they are and numbers by the part of their size.
    """
    if answers.shape != golden.shape:
        raise ModelError(
            f"the predictor's answers have the shape {answers.shape}, the golden rows "
            f"{golden.shape}; package the model again"
        )
    apart = np.abs(answers - golden) / sizes(golden)
    row = int(apart.max(axis=1).argmax())
    if not apart[row].max() <= TOLERANCE:
        raise ModelError(
            f"golden row {row} got {answers[row].tolist()} from the predictor instead of "
            f"{golden[row].tolist()}; package the model again with these versions"
        )
