"""What differs between two runs: the ingredients, the metrics and the bytes of the model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines import origin
from pipelines.origin import Origin

MODEL_FILES = ("model.onnx", "native/model.skops")
"""What answers: the first of these that a model directory has."""
PARTS = ("data", "config", "code", "environment")


@dataclass(frozen=True)
class Made:
    """A run: what it came from, the sha256 of its data, its metrics, the sha256 of its model."""

    origin: Origin
    data_sha256: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    model_sha256: str = ""


@dataclass(frozen=True)
class Change:
    """One thing that differs; None where a side has no such thing."""

    ingredient: str
    key: str
    a: Any
    b: Any


@dataclass(frozen=True)
class Effect:
    """A metric of both runs; `difference` is b - a, None where a side has no such metric."""

    metric: str
    a: float | None
    b: float | None
    difference: float | None


@dataclass(frozen=True)
class Comparison:
    """What differs, what that did to the metrics, and whether the model has the same bytes.

    `same_model` is None where a run did not come so far as to package one.
    """

    changes: tuple[Change, ...]
    effects: tuple[Effect, ...]
    same_model: bool | None


def read(folder: Path) -> Made:
    """Return what a run came from and what it made. Raises UsageError where that is not known."""
    scores = _newest(folder, "evaluate*/evaluation/scores.json")
    files = _newest(folder, "package*/packaged/MANIFEST.json").get("files", {})
    model = next((files[name]["sha256"] for name in MODEL_FILES if name in files), "")
    known = origin.data_sha256(folder)
    return Made(origin.read(folder), known, scores.get("candidate", {}), model)


def compare(a: Made, b: Made) -> Comparison:
    """Return what differs between two runs."""
    both = (ingredients(a), ingredients(b))
    changes = tuple(
        Change(ingredient, key, left, right)
        for ingredient in both[0]
        for key, left, right in _different(*(each[ingredient] for each in both))
    )
    effects = tuple(
        _effect(name, a.metrics.get(name), b.metrics.get(name))
        for name in dict.fromkeys([*a.metrics, *b.metrics])
    )
    known = a.model_sha256 and b.model_sha256
    return Comparison(changes, effects, a.model_sha256 == b.model_sha256 if known else None)


def ingredients(made: Made) -> dict[str, dict[str, Any]]:
    """Return what a run was made of: for each of `PARTS` its keys and values."""
    spec, code, around = made.origin.spec, made.origin.code, made.origin.environment
    return {
        "data": {"sha256": made.data_sha256, "uri": spec["data"]["uri"]},
        "config": {k: v for k, v in _flat(spec) if k != "data.uri"},
        "code": {"sha256": code.sha256, "commit": code.commit, "dirty": code.dirty},
        "environment": {"python": around.python, "system": around.system, **around.libraries},
    }


def _flat(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ("model.kind", "svm") for each leaf; a list is a leaf."""
    for key, below in value.items():
        if isinstance(below, Mapping) and below:
            yield from _flat(below, f"{path}{key}.")
        else:
            yield f"{path}{key}", below


def _different(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for key in dict.fromkeys([*a, *b]):
        if a.get(key) != b.get(key):
            yield key, a.get(key), b.get(key)


def _effect(metric: str, a: float | None, b: float | None) -> Effect:
    return Effect(metric, a, b, None if a is None or b is None else b - a)


def _newest(folder: Path, pattern: str) -> dict[str, Any]:
    found = sorted(folder.glob(f"artifacts/*/{pattern}"))
    return dict(json.loads(found[-1].read_text(encoding="utf-8"))) if found else {}
