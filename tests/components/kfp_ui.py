"""What the Kubeflow Pipelines UI (2.17, MetricsVisualizations.tsx) demands of an artifact."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

POINT = {"confidenceThreshold", "falsePositiveRate", "recall"}


def shown_metrics(metadata: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The rows of the table of scalar metrics; a value that JSON has no word for fails."""
    assert all(type(value) is float and math.isfinite(value) for value in metadata.values())
    return sorted(metadata.items())


def shown_curve(metadata: Mapping[str, Any]) -> list[Mapping[str, float]]:
    """The points of the ROC curve, each with three finite numbers, thresholds falling."""
    points: list[Mapping[str, float]] = metadata["confidenceMetrics"]
    for point in points:
        assert set(point) == POINT
        assert all(0 <= point[name] <= 1 for name in POINT), point
    thresholds = [point["confidenceThreshold"] for point in points]
    assert thresholds == sorted(thresholds, reverse=True)
    return points


def shown_matrix(metadata: Mapping[str, Any]) -> dict[str, list[float]]:
    """The confusion matrix by label: as many rows as labels, as many columns as rows."""
    matrix = metadata["confusionMatrix"]
    labels = [each["displayName"] for each in matrix["annotationSpecs"]]
    rows = [each["row"] for each in matrix["rows"]]
    assert all(type(label) is str for label in labels)
    assert len(labels) == len(rows)
    assert all(len(row) == len(rows) for row in rows)
    assert all(isinstance(number, int | float) for row in rows for number in row)
    return dict(zip(labels, rows, strict=True))
