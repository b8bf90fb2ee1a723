"""Every way of sending the same pictures gives the same array; everything else gets a 400."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.artifact import publish, read_golden, seal, write_golden
from serving.errors import ModelError
from serving.image_signature import IMAGE, Image, encode_images
from serving.predictor.dataplane import INLINE_IMAGES
from serving.predictor.images import ImageReader
from serving.predictor.served import load
from serving.predictor.v1 import parsed
from serving.predictor.v2 import V2
from tests.serving.imagedirs import LABELS, SMALL, build, file, graph, pixels
from tests.serving.predictor.asking import App, Given

FEW = settings(max_examples=40, deadline=None)
DTYPES = {"UINT8": "u1", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8"}


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def binary(datatype: str, shape: list[int], raw: bytes) -> tuple[bytes, str]:
    """Return a V2 body with one raw tensor, and the length of its JSON part."""
    parameters = {"binary_data_size": len(raw)}
    tensor = {"name": "x", "datatype": datatype, "shape": shape, "parameters": parameters}
    head = json.dumps({"inputs": [tensor]}).encode()
    return head + raw, str(len(head))


def prefixed(files: list[bytes]) -> bytes:
    return b"".join(len(data).to_bytes(4, "little") + data for data in files)


def v2_bodies(given: np.ndarray, image: Image) -> list[tuple[bytes, str | None]]:
    """Return these pixels as V2 tensors: every shape and datatype, in JSON and raw."""
    rows, ready = len(given), encode_images(image, given)
    bodies: list[tuple[bytes, str | None]] = []
    for datatype in ("UINT8", "FP32", "FP64"):
        cells = given if datatype == "UINT8" else ready.astype(DTYPES[datatype])
        for shape in ([rows, *image.shape], [rows, image.values]):
            whole = cells.reshape(shape)
            bodies.append(binary(datatype, shape, whole.tobytes()))
            for data in (whole.tolist(), whole.ravel().tolist()):
                tensor = {"name": "any", "datatype": datatype, "shape": shape, "data": data}
                bodies.append((json.dumps({"inputs": [tensor]}).encode(), None))
    return bodies


@FEW
@given(
    st.integers(1, 4),
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.sampled_from([1, 2, 3, 4])),
    st.sampled_from([1.0, 1 / 255, 0.5]),
    st.integers(0, 99),
)
def test_every_encoding_of_the_same_numbers_gives_the_same_array(
    rows: int, shape: tuple[int, int, int], scale: float, seed: int
) -> None:
    image = Image(*shape, scale)
    reader, sent = ImageReader(image), pixels(image, rows, seed)
    expected = encode_images(image, sent)
    assert expected.dtype == np.float32
    np.testing.assert_allclose(expected, sent * scale, rtol=1e-6)
    for data in (expected.tolist(), [{"image": item} for item in expected.tolist()]):
        body = json.dumps({"instances": data}).encode()
        for raw in (body, None):
            assert np.array_equal(reader.instances(parsed(body), raw), expected)
    for content, header in v2_bodies(sent, image):
        cells, _ = V2(reader).decode(content, header.encode() if header else None)
        assert isinstance(cells, np.ndarray)
        assert (cells.shape, cells.dtype) == ((rows, *image.shape), np.float32)
        assert np.array_equal(cells, expected)


@FEW
@given(st.integers(1, 3), st.sampled_from([1, 3, 4]), st.integers(0, 99), st.data())
def test_a_file_gives_the_pixels_that_it_holds(
    rows: int, channels: int, seed: int, data: Any
) -> None:
    image = Image(data.draw(st.integers(2, 9)), data.draw(st.integers(2, 9)), channels, 1 / 255)
    reader, sent = ImageReader(image), pixels(image, rows, seed)
    files = [file(picture) for picture in sent]
    expected = encode_images(image, sent)
    plain: list[Any] = [{"b64": text(each)} for each in files]
    for instances in (plain, [{"image": item} for item in plain]):
        assert np.array_equal(reader.instances({"instances": instances}), expected)
    for shape in ([rows], [rows, 1]):
        texts = {"name": "x", "datatype": "BYTES", "shape": shape, "data": [*map(text, files)]}
        body = json.dumps({"inputs": [texts]}).encode()
        assert np.array_equal(V2(reader).decode(body, None)[0], expected)
        content, header = binary("BYTES", shape, prefixed(files))
        assert np.array_equal(V2(reader).decode(content, header.encode())[0], expected)


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published model of images: `pets`, version 2."""
    home = tmp_path_factory.mktemp("pets")
    publish(build(home / "packaged", "pets"), home / "2", "2")
    return home / "2"


@pytest.fixture(scope="module")
def app(pets: Path) -> App:
    return App(pets)


def changed(at: tuple[int, ...], value: Any, rows: int = 2) -> Any:
    """Return nested lists with one item replaced."""
    images = encode_images(SMALL, pixels(SMALL, rows)).tolist()
    inner = images
    for index in at[:-1]:
        inner = inner[index]
    inner[at[-1]] = value
    return images


def uint8(data: Any, shape: list[int] | None = None) -> Any:
    sent = {"name": "x", "datatype": "UINT8", "shape": shape or [1, 4, 5, 3], "data": data}
    return {"inputs": [sent]}


SPOILED = [0] * 59
V1_REFUSALS = [
    ([], "send at least one row"),
    ([3], "Image 0 (counted from 0): got 3, expected lists of 4 x 5 x 3"),
    ([[1, 2, 3]], "Image 0 (counted from 0): got a list of 3, expected 4 x 5 x 3"),
    (changed((1, 2), [[1, 2, 3]]), "Image 1 (counted from 0), at [2]: got a list of 1, expected 5"),
    (changed((1, 2, 3), 7), "at [2, 3]: got 7, expected lists of 3"),
    (changed((1, 2, 3), [1, 2]), "at [2, 3]: got a list of 2, expected 3"),
    (changed((0, 0, 1, 2), None), "Image 0 (counted from 0), at [0, 1, 2]: got null"),
    (changed((0, 0, 1, 2), True), "at [0, 1, 2]: got true, expected a number"),
    (changed((0, 0, 1, 2), "0.5"), 'at [0, 1, 2]: got "0.5", expected a number'),
    (changed((1, 0, 1, 2), 1e300), "Image 1 (counted from 0), at [0, 1, 2]: got inf"),
    (changed((1,), {"b64": ""}), 'Image 1 (counted from 0): got {"b64": ""}, expected lists'),
    ([{"b64": ""}, [1]], 'Image 1 (counted from 0) is [1], expected {"b64": "..."}'),
    ([{"b64": 5}], "Image 0 (counted from 0) is 5, expected a JPEG or PNG file in base64"),
    ([{"b64": "****"}], "expected a JPEG or PNG file in base64"),
    ([{"b64": "ağ=="}], "expected a JPEG or PNG file in base64"),
    ([{"jpeg": "AA=="}], 'is {"jpeg": "AA=="}, expected {"b64": "..."}'),
]
V2_REFUSALS = [
    (uint8([*SPOILED, 256]), "Image 0 (counted from 0), at [59]: got 256, expected a whole number"),
    (uint8([*SPOILED, -1]), "got -1, expected a whole number from 0 to 255"),
    (uint8([*SPOILED, 0.5]), "got 0.5, expected a whole number"),
    (uint8([*SPOILED, True]), "got true, expected a whole number"),
    (uint8([*SPOILED, None]), "got null, expected a whole number"),
    (uint8(SPOILED), "has 59 values, expected 60, as its shape [1, 4, 5, 3] says"),
    (uint8([]), "has 0 values, expected 60"),
    (uint8([], [0, 4, 5, 3]), "expected [n, 4, 5, 3] with at least one image"),
    (uint8([1], [1]), "has shape [1], expected [n, 4, 5, 3]"),
    (uint8([0] * 60, [1, 5, 4, 3]), "has shape [1, 5, 4, 3], expected [n, 4, 5, 3]"),
    (uint8([0] * 60, [1, 3, 4, 5]), "has shape [1, 3, 4, 5], expected [n, 4, 5, 3]"),
    (uint8([0] * 60, [4, 5, 3]), "has shape [4, 5, 3], expected [n, 4, 5, 3]"),
    (uint8([[[0]]]), "Image 0 (counted from 0): got a list of 1, expected 4 x 5 x 3"),
    ({"inputs": []}, "The request has 0 inputs, expected one with images"),
    ({"inputs": uint8([])["inputs"] * 2}, "has 2 inputs, expected one"),
]


def assert_refused(answer: Given, words: str) -> None:
    assert answer.status == 400, answer
    assert words in answer.json["error"], answer.json


@pytest.mark.parametrize(("instances", "words"), V1_REFUSALS)
def test_v1_images_that_do_not_fit_are_refused(app: App, instances: Any, words: str) -> None:
    assert_refused(app.v1({"instances": instances}), words)


@pytest.mark.parametrize(("body", "words"), V2_REFUSALS)
def test_v2_images_that_do_not_fit_are_refused(app: App, body: Any, words: str) -> None:
    assert_refused(app.v2(body), words)


@pytest.mark.parametrize(
    ("datatype", "shape", "raw", "words"),
    [
        ("FP32", [1, 4, 5, 3], np.full(60, math.nan, "<f4").tobytes(), "at [0, 0, 0]: got nan"),
        ("FP64", [1, 4, 5, 3], np.full(60, 1e300, "<f8").tobytes(), "got inf, expected a number"),
        ("FP32", [1, 4, 5, 3], bytes(239), "has 239 bytes, which do not fill its shape"),
        ("UINT8", [2**62, 4, 5, 3], bytes(60), "do not fill its shape"),
        ("INT64", [1, 4, 5, 3], bytes(480), "expected UINT8, FP16, FP32, FP64, or BYTES"),
        ("BYTES", [1], b"\xff\xff\xff\xffab", "ends within its text number 0"),
        (
            "BYTES",
            [2],
            prefixed([file(pixels(SMALL, 1)[0])]),
            "has 1 values and shape [2], expected [n]",
        ),
        ("BYTES", [0], b"", "expected [n] with one JPEG or PNG file"),
        ("FP32", [1, 1, 4, 5, 3], bytes(240), "do not fill its shape"),
    ],
)
def test_raw_images_that_do_not_fit_are_refused(
    app: App, datatype: str, shape: list[int], raw: bytes, words: str
) -> None:
    body, header = binary(datatype, shape, raw)
    assert_refused(app.v2(body, inference_header_content_length=header), words)


@pytest.mark.parametrize("rows", [1, 5, INLINE_IMAGES, INLINE_IMAGES + 1, 100])
def test_batches_of_any_size_get_the_answers_of_their_images(app: App, rows: int) -> None:
    sent = pixels(SMALL, rows, seed=rows)
    cells = encode_images(SMALL, sent)
    expected = app.plane.served.model.run({IMAGE: cells})
    for _ in range(2):  # the second time the memory is there
        body, header = binary("UINT8", [rows, 4, 5, 3], sent.tobytes())
        answer = app.v2(body, inference_header_content_length=header).json
        found = np.array(answer["outputs"][1]["data"]).reshape(rows, 3)
        np.testing.assert_allclose(found, expected, atol=1e-6)
    whole = app.v1({"instances": cells.tolist()}).json
    assert whole["predictions"] == [LABELS[i] for i in expected.argmax(axis=1)]


def test_predictions_of_images_are_counted_by_class_and_no_feature(pets: Path) -> None:
    app = App(pets)
    for rows in (3, 700):
        app.v1({"instances": encode_images(SMALL, pixels(SMALL, rows)).tolist()})
    app.plane.tally.sum_up()
    assert app.plane.tally.by_class.sum() == 703
    assert app.plane.tally.features == ()
    assert app.plane.tally.out_of_range.tolist() == []


def other_weights(directory: Path) -> None:
    (directory / "model.onnx").write_bytes(graph(SMALL, seed=2))


def other_shape(directory: Path) -> None:
    (directory / "model.onnx").write_bytes(graph(Image(5, 4, 3), seed=1))


def other_scale(directory: Path) -> None:
    card = (directory / "card.json").read_text()
    (directory / "card.json").write_text(card.replace('"scale": 0.00392', '"scale": 0.00492'))


def no_images(directory: Path) -> None:
    golden = read_golden(directory)
    write_golden(directory, type(golden)({"x": golden.columns[IMAGE]}, golden.probabilities))


def no_model_of_images(directory: Path) -> None:
    data = (directory / "model.onnx").read_bytes()
    (directory / "model.onnx").write_bytes(data.replace(b"image", b"other"))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (other_weights, "answers its golden rows with a difference of"),
        (other_scale, "answers its golden rows with a difference of"),
        (other_shape, "The model could not answer"),
        (no_images, "The golden rows hold no images of 4 x 5 x 3"),
        (no_model_of_images, "disagree about the inputs 'image', 'other'"),
    ],
)
def test_a_model_that_is_not_what_was_packaged_is_refused_even_when_sealed(
    tmp_path: Path, damage: Any, words: str
) -> None:
    directory = build(tmp_path / "pets", "pets")
    damage(directory)
    seal(directory)
    with pytest.raises(ModelError, match=words) as caught:
        load(directory)
    assert "\n" not in str(caught.value)
