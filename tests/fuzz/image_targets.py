"""The same as `targets` for images: nested lists, tensors, and JPEG and PNG files."""

from __future__ import annotations

import base64
import functools
import zlib
from collections.abc import Callable

import numpy as np
import orjson

from serving.image_signature import Image, encode_images
from serving.pictures import PictureError, decoded
from serving.predictor.images import Files, ImageReader
from serving.predictor.requests import Checked
from serving.predictor.v1 import parsed
from serving.predictor.v2 import V2
from tests.fuzz.refusals import read

IMAGES = (Image(2, 3, 3, 1 / 255), Image(3, 2, 1), Image(2, 2, 4), Image(1, 1, 2))
"""The first byte of an input chooses one."""

READERS = tuple(map(ImageReader, IMAGES))


def images(data: bytes) -> None:
    """Read a V1 body, a V2 body in JSON, or one in bytes: the second byte says which."""
    which, way, rest = (data + b"\0\0")[0] % len(IMAGES), (data + b"\0\0")[1] % 3, data[2:]
    reader = READERS[which]
    length, _, body = rest.partition(b"\n")
    ways: tuple[Callable[[], Checked], ...] = (
        lambda: reader.instances(parsed(rest), rest),
        lambda: V2(reader).decode(rest, None)[0],
        lambda: V2(reader).decode(body, length)[0],
    )
    _agree(IMAGES[which], reader, read(functools.partial(_whole, ways[way])))


def files(data: bytes) -> None:
    """Decode a JPEG or PNG file, and send it in each encoding.

    An odd second byte has a PNG's checksums mended first: few changes would get past them.
    """
    which, file = (data + b"\0")[0] % len(IMAGES), data[2:]
    if (data + b"\0\0")[1] % 2:
        file = _mended(file)
    image, reader = IMAGES[which], READERS[which]
    try:
        pixels = decoded(file, image)
    except PictureError as error:
        assert 0 < len(str(error)) < 2000
        expected = None
    else:
        assert pixels.dtype == np.uint8
        assert pixels.shape == image.shape
        expected = encode_images(image, pixels[None])
    for sent in _sent(file, reader):
        given = read(functools.partial(_whole, sent))
        assert (given is None) is (expected is None)
        if given is not None:
            np.testing.assert_array_equal(given, expected)


def _mended(file: bytes) -> bytes:
    """Return a PNG with the right CRC behind each whole chunk (length, type, data, CRC)."""
    parts, at = [file[:8]], 8
    while at + 12 <= len(file):
        end = at + 8 + int.from_bytes(file[at : at + 4], "big")
        parts += [file[at:end], zlib.crc32(file[at + 4 : end]).to_bytes(4, "big")]
        at = end + 4
    return b"".join([*parts, file[at:]])


def _sent(file: bytes, reader: ImageReader) -> list[Callable[[], Checked]]:
    text = base64.b64encode(file).decode()
    body = orjson.dumps({"instances": [{"b64": text}]})
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1]}
    v2 = orjson.dumps({"inputs": [{**tensor, "data": [text]}]})
    raw = len(file).to_bytes(4, "little") + file
    head = orjson.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": len(raw)}}]})
    return [
        lambda: reader.instances(parsed(body), body),
        lambda: V2(reader).decode(v2, None)[0],
        lambda: V2(reader).decode(head + raw, b"%d" % len(head))[0],
    ]


def _whole(take: Callable[[], Checked]) -> np.ndarray:
    """Return the images, also those whose files are decoded later."""
    cells = take()
    values = cells.decoded() if isinstance(cells, Files) else cells
    assert isinstance(values, np.ndarray)
    return values


def _agree(image: Image, reader: ImageReader, values: np.ndarray | None) -> None:
    """Send the values that were accepted again, in each encoding."""
    if values is None:
        return
    assert values.dtype == np.float32
    assert values.shape[1:] == image.shape
    assert np.isfinite(values).all()
    body = orjson.dumps({"instances": values.astype(np.float64).tolist()})
    np.testing.assert_array_equal(reader.instances(parsed(body), body), values)
    tensor = {"name": "x", "datatype": "FP32", "shape": [*values.shape]}
    flat = orjson.dumps(
        {"inputs": [{**tensor, "data": values.astype(np.float64).ravel().tolist()}]}
    )
    np.testing.assert_array_equal(V2(reader).decode(flat, None)[0], values)
    head = orjson.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": values.nbytes}}]})
    sent = V2(reader).decode(head + values.tobytes(), b"%d" % len(head))[0]
    np.testing.assert_array_equal(sent, values)
