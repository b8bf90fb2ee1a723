"""JPEG and PNG files: pixels exactly as they are stored, or a sentence."""

from __future__ import annotations

import base64
import io
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.artifact import publish
from serving.image_signature import IMAGE, Image, encode_images
from serving.predictor.cells import BadRequest
from serving.predictor.images import QUICK_BYTES, Files, ImageReader
from tests.serving.imagedirs import LABELS, SMALL, build, file, pixels
from tests.serving.predictor.asking import App


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def array(found: Any) -> np.ndarray:
    """Return what the model gets, also where it is decoded later."""
    return found.decoded() if isinstance(found, Files) else found


def gray(values: np.ndarray) -> np.ndarray:
    return np.repeat(values, 3, axis=2)


def opaque(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values, np.full((*values.shape[:2], 1), 255, np.uint8)], axis=2)


def palette(values: np.ndarray) -> bytes:
    from PIL import Image as Pillow

    stream = io.BytesIO()
    Pillow.fromarray(values).convert("P", palette=Pillow.Palette.ADAPTIVE).save(stream, "PNG")
    return stream.getvalue()


ONE, THREE = pixels(Image(4, 5, 1), 1)[0], pixels(SMALL, 1)[0]


@pytest.mark.parametrize(
    ("channels", "data", "expected"),
    [
        (3, file(ONE), gray(ONE)),
        (4, file(THREE), opaque(THREE)),
        (3, file(opaque(THREE)), THREE),
        (1, file(gray(ONE)), ONE),
        (1, file(opaque(gray(ONE))), ONE),
        (3, palette(THREE), THREE),
        (3, file(np.eye(4, 5, dtype=bool)), gray(np.eye(4, 5, dtype=np.uint8)[..., None] * 255)),
    ],
    ids=["gray", "RGB for RGBA", "opaque RGBA", "gray RGB", "gray RGBA", "palette", "1 bit"],
)
def test_pictures_are_converted_where_that_loses_nothing(
    channels: int, data: bytes, expected: np.ndarray
) -> None:
    found = ImageReader(Image(4, 5, channels)).instances({"instances": [{"b64": text(data)}]})
    assert np.array_equal(found[0], expected)


def test_a_jpeg_gives_what_pillow_reads_and_both_channels_counts_fit() -> None:
    smooth = np.full((4, 5, 3), 90, np.uint8)
    for channels, picture in ((3, smooth), (1, smooth[..., :1]), (3, smooth[..., :1])):
        body = {"instances": [{"b64": text(file(picture, "JPEG", quality=95))}]}
        found = ImageReader(Image(4, 5, channels)).instances(body)
        np.testing.assert_allclose(found, 90, atol=2)


def header_only(width: int, height: int) -> bytes:
    """Return a PNG whose header promises this many pixels."""
    head = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    chunk = (13).to_bytes(4, "big") + head + zlib.crc32(head).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + chunk + file(THREE)[33:]


def deep() -> bytes:
    """Return a PNG of the right size with 16 bits a channel."""
    good = bytearray(header_only(5, 4))
    good[24] = 16
    good[29:33] = zlib.crc32(bytes(good[12:29])).to_bytes(4, "big")
    return bytes(good)


def several() -> bytes:
    from PIL import Image as Pillow

    stream, frame = io.BytesIO(), Pillow.fromarray(THREE)
    others = [Pillow.fromarray(THREE[::-1])]
    frame.save(stream, "PNG", save_all=True, append_images=others)
    return stream.getvalue()


def cmyk() -> bytes:
    from PIL import Image as Pillow

    stream = io.BytesIO()
    Pillow.fromarray(THREE).convert("CMYK").save(stream, "JPEG")
    return stream.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'

HOSTILE = {
    "bomb": (header_only(100_000, 100_000), "it is 100000 x 100000", "expected 4 x 5"),
    "other size": (file(THREE[:3]), "it is 3 x 5 (height x width)", "expected 4 x 5"),
    "cut PNG": (file(THREE)[:60], "cut off", ""),
    "cut JPEG": (file(THREE, "JPEG")[:-40], "cut off", ""),
    "GIF": (file(ONE, "GIF"), "GIF87a", "no JPEG or PNG"),
    "BMP": (file(THREE, "BMP"), "BM", "no JPEG or PNG"),
    "SVG": (SVG, "<svg", "no JPEG or PNG"),
    "text": (b"import os", "import o", "no JPEG or PNG"),
    "empty": (b"", "b''", "no JPEG or PNG"),
    "transparent": (file(np.dstack([THREE, ONE])), "transparent in places", ""),
    "16 bits": (deep(), "16 bits a channel", "8 bits a channel"),
    "animated": (several(), "several pictures", ""),
    "CMYK": (cmyk(), "CMYK", "grey or RGB"),
    "endless": (file(THREE, "JPEG") + b"\0" * 2**19, "at most 262264 for 4 x 5 x 3", "has 52"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_that_is_no_picture_for_the_model_is_refused_with_its_place(kind: str) -> None:
    data, *words = HOSTILE[kind]
    reader = ImageReader(SMALL)
    with pytest.raises(BadRequest) as refused:
        array(reader.instances({"instances": [{"b64": text(file(THREE))}, {"b64": text(data)}]}))
    said = str(refused.value)
    assert said.startswith("Image 1 (counted from 0): ")
    assert all(word in said for word in words), said
    assert "\n" not in said and len(said) < 200


def test_a_coloured_picture_is_refused_where_the_model_sees_gray() -> None:
    with pytest.raises(BadRequest, match="it is coloured, expected grey"):
        ImageReader(Image(4, 5, 1)).instances({"instances": [{"b64": text(file(THREE))}]})


def test_files_are_refused_where_channels_are_no_colours() -> None:
    with pytest.raises(BadRequest, match="a model of 4 x 5 x 2 takes no JPEG or PNG"):
        ImageReader(Image(4, 5, 2)).instances({"instances": [{"b64": text(file(THREE))}]})


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=3), st.sampled_from(["PNG", "JPEG"]))
def test_a_picture_with_some_bytes_changed_gives_pixels_or_a_sentence(
    at: int, noise: bytes, kind: str
) -> None:
    good = file(THREE, kind)
    at %= len(good)
    data = good[:at] + noise + good[at + len(noise) :]
    try:
        found = ImageReader(SMALL).instances({"instances": [{"b64": text(data)}]})
    except BadRequest as error:
        assert str(error).startswith("Image 0 (counted from 0)")
    else:
        assert found.shape == (1, 4, 5, 3)


LARGE = Image(120, 130, 3, scale=1 / 255)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> App:
    """An app whose pictures are too large to be decoded in the event loop."""
    home = tmp_path_factory.mktemp("large")
    publish(build(home / "packaged", "large", LARGE), home / "1", "1")
    return App(home / "1")


@pytest.mark.parametrize("rows", [2, 40])
def test_large_files_are_decoded_beside_the_event_loop_and_answered_alike(
    large: App, rows: int
) -> None:
    sent = pixels(LARGE, rows)
    instances = [{"b64": text(file(picture))} for picture in sent]
    cells = large.plane.reader.instances({"instances": instances})
    assert isinstance(cells, Files)
    assert large.plane.now(cells) is None
    expected = large.plane.served.model.run({IMAGE: encode_images(LARGE, sent)})
    answer = large.v1({"instances": instances}).json
    assert answer["predictions"] == [LABELS[i] for i in expected.argmax(axis=1)]


def test_a_large_file_that_is_wrong_is_refused_with_its_place(large: App) -> None:
    good = file(pixels(LARGE, 1)[0])
    assert len(good) < QUICK_BYTES < 2 * len(good)
    answer = large.v1({"instances": [{"b64": text(good)}, {"b64": text(good[:-2000])}]})
    assert answer.status == 400
    assert "Image 1 (counted from 0): it is damaged or cut off" in answer.json["error"]
