"""Live performance as gauges in Prometheus' text format."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from serving.feedback.performance import LivePerformance

FAMILIES = {
    "kanarya_live_predictions": "Predictions in the window that are kept for feedback",
    "kanarya_live_labels": "Those of them whose label has come",
    "kanarya_live_waiting": "Labels whose prediction is not known",
    "kanarya_live_metric": "accuracy, mae or rmse on the labels that have come",
    "kanarya_live_metric_low": "Lower end of its interval at 95 %",
    "kanarya_live_metric_high": "Upper end of its interval at 95 %",
}

Sample = tuple[str, Mapping[str, str], float]


def page(found: Iterable[tuple[Mapping[str, str], LivePerformance]]) -> str:
    """Return the gauges of models, each with labels of its own (its namespace)."""
    samples = [sample for own, performance in found for sample in _samples(own, performance)]
    return "".join(f"{line}\n" for line in _lines(samples))


def _samples(own: Mapping[str, str], performance: LivePerformance) -> Iterator[Sample]:
    model = {**own, "model": performance.model}
    yield "kanarya_live_waiting", model, performance.waiting
    for version, each in performance.versions.items():
        labels = {**model, "version": version}
        yield "kanarya_live_predictions", labels, each.predictions
        yield "kanarya_live_labels", labels, each.labels
        for metric, interval in each.metrics.items():
            named = {**labels, "metric": metric}
            yield "kanarya_live_metric", named, interval.value
            yield "kanarya_live_metric_low", named, interval.low
            yield "kanarya_live_metric_high", named, interval.high


def _lines(samples: list[Sample]) -> Iterator[str]:
    for family, about in FAMILIES.items():
        yield f"# HELP {family} {about}"
        yield f"# TYPE {family} gauge"
        for name, labels, value in samples:
            if name == family:
                shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
                yield f"{family}{{{shown}}} {'+Inf' if math.isinf(value) else repr(float(value))}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
