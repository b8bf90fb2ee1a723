"""JPEG and PNG files as pixels (the home of Pillow), exactly: nothing is resized or lost."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from serving.errors import UsageError
from serving.image_signature import Image

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

FORMATS = ("JPEG", "PNG")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's name for the pixels of a model, by its channels."""
LOSSLESS = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA"})
"""Modes that RGBA holds without loss: no CMYK, no 16 bits a channel."""
EXTRA_BYTES = 2**18
"""Bytes that a file may have beyond twice its pixels: headers, a colour profile, a thumbnail. A
small progressive JPEG that goes on for megabytes would keep the decoder busy for seconds."""

DAMAGE = (OSError, SyntaxError, ValueError, EOFError, TypeError, IndexError, KeyError)
"""What Pillow raises on files that are not what they say; a decompression bomb is known before."""


class PictureError(UsageError):
    """A file is no picture that this model takes; the message has what it is and what is taken."""


def decoded(encoded: bytes | memoryview, image: Image) -> np.ndarray:
    """Return the pixels, uint8 [height, width, channels], of a JPEG or PNG file.

    The size is read from the header and must be the model's own: nothing is decoded before, and
    nothing resized. Grey, palette and RGBA become what the model takes only where that loses
    nothing: a transparency that is opaque everywhere, colours that are grey everywhere. The pixels
    are as stored: an orientation in EXIF is not applied. Raises `PictureError`.
    """
    if image.channels not in MODES:
        raise PictureError(
            f"a model of {image} takes no JPEG or PNG; send its values as a UINT8 or FP32 tensor"
        )
    if len(encoded) > 2 * image.values + EXTRA_BYTES:
        raise PictureError(
            f"it has {len(encoded)} bytes, expected at most {2 * image.values + EXTRA_BYTES} for "
            f"{image}; save it anew"
        )
    picture = _opened(encoded)
    _check(picture, encoded, image)
    return _pixels(picture, image)


def _opened(encoded: bytes | memoryview) -> Picture:
    """Return the picture, of which only the header is read."""
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    # Pillow's own limit is meant for files whose size nobody knows; ours is compared exactly.
    Pillow.MAX_IMAGE_PIXELS = None
    try:
        return Pillow.open(io.BytesIO(encoded), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise PictureError(
            f"it begins with {bytes(encoded[:8])!r}, which is no {' or '.join(FORMATS)}"
        ) from error
    except (*DAMAGE, struct.error, zlib.error) as error:
        raise PictureError(f"its header is damaged ({error}); save it anew") from error


def _check(picture: Picture, encoded: bytes | memoryview, image: Image) -> None:
    """Raise `PictureError` unless header and model agree."""
    width, height = picture.size
    if (height, width) != (image.height, image.width):
        raise PictureError(
            f"it is {height} x {width} (height x width), expected {image.height} x {image.width}; "
            "resize it before"
        )
    mode = "16 bits a channel" if _is_deep(picture, encoded) else picture.mode
    if mode not in LOSSLESS:
        raise PictureError(f"its pixels are {mode}, expected 8 bits a channel, grey or RGB")
    if getattr(picture, "n_frames", 1) != 1:
        raise PictureError("it holds several pictures; send each for itself")


def _is_deep(picture: Picture, encoded: bytes | memoryview) -> bool:
    # Pillow drops the lower half of 16-bit colours without a word; the depth stands in IHDR, the
    # first chunk of every PNG (RFC 2083).
    return picture.format == "PNG" and (encoded[12:16] != b"IHDR" or encoded[24] > 8)


def _pixels(picture: Picture, image: Image) -> np.ndarray:
    mode = MODES[image.channels]
    try:
        if picture.mode == mode and "transparency" not in picture.info:
            pixels = np.asarray(picture)
        else:
            pixels = _converted(np.asarray(picture.convert("RGBA")), image.channels)
    except (*DAMAGE, struct.error, zlib.error) as error:
        raise PictureError(f"it is damaged or cut off ({error}); send it again") from error
    return pixels.reshape(image.shape)


def _converted(rgba: np.ndarray, channels: int) -> np.ndarray:
    """Return the channels of opaque RGBA pixels; raise `PictureError` where one would be lost."""
    if channels == 4:
        return rgba
    if (rgba[..., 3] != 255).any():
        raise PictureError("it is transparent in places; save it without transparency")
    if channels == 3:
        return rgba[..., :3]
    if (rgba[..., 1:3] != rgba[..., :1]).any():
        raise PictureError("it is coloured, expected grey; convert it before")
    return rgba[..., 0]
