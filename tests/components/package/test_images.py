"""A Keras file becomes a sealed directory that is served; TensorFlow takes seconds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.baseline import channel_baseline
from components.package.images import Inputs, Origin, run
from serving import artifact
from serving.errors import KanaryaError
from serving.image_signature import Image, encode_images
from serving.predictor.served import load
from tests.components.keras_models import Build, cnn, images, saved

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ORIGIN = Origin("cnn", "0" * 64, {"accuracy": 0.5})
LABELS = ("bird", "cat", "dog")


def inputs(directory: Path, build: Build = cnn, **changed: Any) -> Inputs:
    """Return what is packaged: forty images, each a class."""
    given = {
        "name": "pets",
        "model": saved(build(), directory / "trained.keras"),
        "labels": LABELS,
        "images": images(40),
        "classes": np.arange(40) % 3,
    }
    return Inputs(**{**given, **changed})


@pytest.mark.e2e
@pytest.mark.parametrize("scale", [1.0, 1 / 255])
def test_a_packaged_model_is_sealed_and_answers_as_the_native_one(
    tmp_path: Path, scale: float
) -> None:
    model = cnn()
    given = inputs(tmp_path, lambda: model, scale=scale)
    shown = run(given, ORIGIN, tmp_path / "packaged", NOW)
    assert shown == {"name": "pets", "kind": "cnn", "accuracy": 0.5}
    artifact.publish(tmp_path / "packaged", tmp_path / "1", "1")
    served = load(tmp_path / "1")
    card = served.card
    assert (card.task, card.signature.inputs) == ("image", ())
    assert (card.signature.labels, card.signature.image) == (LABELS, Image(8, 8, 3, scale))
    assert {"keras", "tensorflow", "tf2onnx", "onnx"} <= set(card.libraries)
    encoded = encode_images(Image(8, 8, 3, scale), images(5))
    native = np.asarray(model(encoded, training=False))
    np.testing.assert_allclose(served.answer(encoded).probabilities, native, atol=1e-4)
    golden = artifact.read_golden(tmp_path / "1").columns["image"]
    assert (golden.dtype, len(golden)) == (np.uint8, 32)
    assert (tmp_path / "1/native/model.keras").read_bytes() == given.model.read_bytes()
    baseline = artifact.read_baseline(tmp_path / "1")
    assert (baseline["rows"], [*baseline["columns"]]) == (40, ["red", "green", "blue"])
    assert [*baseline["labels"]] == list(LABELS)


@pytest.mark.e2e
def test_a_sigmoid_is_served_as_two_classes(tmp_path: Path) -> None:
    given = inputs(tmp_path, lambda: cnn(1, "sigmoid"), labels=("no", "yes"))
    given = Inputs(**{**vars(given), "classes": given.classes % 2})
    run(given, ORIGIN, tmp_path / "packaged", NOW)
    answer = load(tmp_path / "packaged").answer(encode_images(Image(8, 8, 3), images(4)))
    assert answer.probabilities.shape == (4, 2)
    np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"labels": ("a", "b"), "classes": np.zeros(40, int)}, "tells 3 classes apart, but there"),
        ({"images": images(40).astype(np.float32)}, r"The images are float32 \(40, 8, 8, 3\)"),
        ({"images": images(40)[:, :7]}, r"expected uint8 \(n, 8, 8, 3\)"),
        ({"images": images(0), "classes": np.zeros(0, int)}, "with at least one"),
        ({"classes": np.arange(40)}, "whole numbers from 0 to 2"),
        ({"classes": np.zeros(39, int)}, "expected 40 whole numbers"),
    ],
)
def test_what_does_not_fit_together_is_refused_and_nothing_is_written(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(KanaryaError, match=words):
        run(inputs(tmp_path, **changed), ORIGIN, tmp_path / "packaged", NOW)
    assert not list(tmp_path.glob("packaged*"))


def test_a_baseline_of_images_has_the_quantiles_of_each_channel() -> None:
    pictures = np.zeros((2, 10, 10, 2), np.uint8)
    pictures[..., 1] = np.arange(200).reshape(2, 10, 10)
    found = channel_baseline(pictures, np.array([0, 0]), ("x", "y"))
    assert (found["rows"], found["labels"]) == (2, {"x": 1, "y": 0})
    still, rising = found["columns"]["channel_0"], found["columns"]["channel_1"]
    assert {*still["quantiles"].values()} == {0}
    assert (rising["count"], rising["missing"]) == (200, 0)
    assert [rising["quantiles"][p] for p in ("0", "1", "25", "50", "100")] == [0, 1, 49, 99, 199]
    assert json.dumps(found, allow_nan=False)
    for channels, names in ((1, ["gray"]), (4, ["red", "green", "blue", "alpha"])):
        made = np.zeros((1, 2, 2, channels), np.uint8)
        assert [*channel_baseline(made, np.array([0]), ("x",))["columns"]] == names
