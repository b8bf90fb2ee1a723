"""The model directory: what training writes, what is published, and what a server loads.

    model.onnx      one graph input a column, named as the column, [None, 1], float32 or string; or
                    `__matrix__`, float32 [None, columns], with the names in the graph's metadata;
                    or, for images, `image`, float32 [None, height, width, channels]; the output
                    `probabilities` is float32 [n, k] in the order of the card's labels, or, where
                    there are no labels, `prediction`, float32 [n, 1]
    card.json       `Card`: what the model is, its signature, where it comes from
    golden.npz      `Golden`: rows (of an image model pixels, uint8, as the column `image`) and the
                    probabilities that they must get, replayed at load
    baseline.json   what the training data looked like, for drift: a JSON object
                    {"rows": n, "columns": {name: {...}}, "labels": {label: share}} where a column
                    has "missing" (share) and either "quantiles" ({"0": …, "1": …, "5": …, "25": …,
                    "50": …, "75": …, "95": …, "99": …, "100": …}) or "top" ({value: share});
                    the columns of an image model are its channels (gray, or red, green, blue,
                    alpha), with the quantiles of their pixels from 0 to 255; where a number is
                    predicted "labels" is empty and "prediction" is described as a column is;
                    "cells" of a column, and "output", are {"edges": […], "counts": […]} or
                    {"words": […], "counts": […]}: the cells of `serving.sketch` and the rows in
                    them, by which traffic is counted (`serving/sketch.py`; no cells of pixels)
    native/         the MLflow model, without pickle (of an image model with `model.h5` and
                    `class_names.txt` beside it), or a bare `.keras` file; the server loads
                    `native/model.skops` where the card's `runtime` says so (there is no
                    model.onnx then), and nothing else
    MANIFEST.json   `Manifest`: size and sha256 of every other file, written last
    model.sig       the signature of all other files, where a key is configured (`serving.signing`)

A directory is immutable once it is sealed; `publish` makes a copy that carries a version.
This module gathers the names; each lives in the module of its noun.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving import plain_files
from serving.card import CARD, Card, read_card, write_card
from serving.errors import ModelError
from serving.golden import GOLDEN, Golden, read_golden, write_golden
from serving.manifest import MANIFEST, Entry, Manifest, seal, verify
from serving.publishing import publish

__all__ = [
    "BASELINE",
    "CARD",
    "GOLDEN",
    "MANIFEST",
    "MODEL",
    "NATIVE",
    "Card",
    "Entry",
    "Golden",
    "Manifest",
    "ModelError",
    "publish",
    "read_baseline",
    "read_card",
    "read_golden",
    "seal",
    "verify",
    "write_baseline",
    "write_card",
    "write_golden",
]

MODEL = "model.onnx"
BASELINE = "baseline.json"
NATIVE = "native"


def write_baseline(directory: Path, baseline: Mapping[str, Any]) -> None:
    """Write `baseline.json` into a model directory that is not sealed yet."""
    text = json.dumps(dict(baseline), indent=1, ensure_ascii=False, allow_nan=False)
    (directory / BASELINE).write_text(text + "\n", encoding="utf-8")


def read_baseline(directory: Path) -> dict[str, Any]:
    """Return the baseline; raise `ModelError` where it is missing or damaged."""
    path = directory / BASELINE
    return plain_files.json_object(plain_files.read(path, plain_files.JSON_LIMIT), path)
