"""A small real model of images, made without TensorFlow: a dense layer and a softmax in ONNX."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from serving.artifact import (
    MODEL,
    NATIVE,
    Card,
    Golden,
    seal,
    write_baseline,
    write_card,
    write_golden,
)
from serving.image_signature import IMAGE, Image, encode_images
from serving.onnx_model import PROBABILITIES, OnnxModel
from serving.signature import Label, Signature

LABELS: tuple[Label, ...] = ("bird", "cat", "dog")
SMALL = Image(4, 5, 3, scale=1 / 255)


def pixels(image: Image, rows: int, seed: int = 7) -> np.ndarray:
    """Return made-up pictures, uint8 [rows, height, width, channels]."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (rows, *image.shape)).astype(np.uint8)


def file(picture: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    """Return a picture [height, width] or [height, width, channels] as a file."""
    from PIL import Image as Pillow

    stream = io.BytesIO()
    Pillow.fromarray(picture.squeeze()).save(stream, kind, **options)
    return stream.getvalue()


def build(directory: Path, name: str, image: Image = SMALL, seed: int = 1) -> Path:
    """Write a sealed, unpublished model directory for this kind of image and return it."""
    directory.mkdir(parents=True)
    (directory / MODEL).write_bytes(graph(image, seed))
    write_card(directory, _card(name, Signature((), LABELS, image)))
    golden = pixels(image, 6)
    expected = OnnxModel.load(directory).run({IMAGE: encode_images(image, golden)})
    write_golden(directory, Golden({IMAGE: golden}, expected))
    write_baseline(directory, {"rows": 6, "columns": {}, "labels": {}})
    (directory / NATIVE).mkdir()
    (directory / NATIVE / "model.keras").write_bytes(b"never loaded here")
    seal(directory)
    return directory


def graph(image: Image, seed: int) -> bytes:
    """Return a serialized graph: image → flatten → dense → softmax → probabilities."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(seed)
    weights = rng.normal(0, 0.2, (image.values, len(LABELS))).astype(np.float32)
    nodes = [
        helper.make_node("Flatten", [IMAGE], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [PROBABILITIES]),
    ]
    given = helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, [None, *image.shape])
    answer = helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, [None, len(LABELS)])
    values = [numpy_helper.from_array(weights, "weights")]
    made = helper.make_graph(nodes, "images", [given], [answer], values)
    opset = [helper.make_opsetid("", 18)]
    return bytes(helper.make_model(made, opset_imports=opset, ir_version=9).SerializeToString())


def _card(name: str, signature: Signature) -> Card:
    return Card(
        name=name,
        kind="cnn",
        signature=signature,
        data_sha256="0" * 64,
        libraries={"keras": "3.15.1"},
        metrics={"accuracy": 0.9},
        opset=18,
        created_at="2026-01-01T00:00:00+00:00",
        task="image",
    )
