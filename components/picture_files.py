"""Pictures of any size and format as pixels to learn from (a home of Pillow, as serving.pictures).

A server takes what loses nothing and refuses the rest; here a collection of pictures is brought to
one size and one number of channels before a model exists. Orientation in EXIF is not applied, as
in serving.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from serving.pictures import DAMAGE

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

FORMATS = ("JPEG", "PNG", "BMP", "WEBP")
MODES = {1: "L", 3: "RGB"}
"""Pillow's name for what is learned from, by its channels."""
KNOWN_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})
GREY = frozenset({"1", "L", "LA"})
MOST_PIXELS = 2**26
"""Pixels that one picture may have: eight times a camera's, and a quarter of a gigabyte."""


class BrokenError(Exception):
    """A file is no picture that can be learned from; the message says why."""


class SizeError(BrokenError):
    """A picture has another size than the rest."""


@dataclass(frozen=True)
class Header:
    """What a picture is, before it is decoded."""

    height: int
    width: int
    is_grey: bool


def header(data: bytes) -> Header:
    """Return the header of a JPEG, PNG, BMP or WebP; raise `BrokenError` where it is none."""
    picture = _opened(data)
    width, height = picture.size
    return Header(height, width, picture.mode in GREY)


def pixels(data: bytes, shape: tuple[int, int, int], *, resize: bool) -> np.ndarray:
    """Return the pixels, uint8 [height, width, channels]; transparent ones on white.

    Raises `SizeError` for another size where it is not to be resized, and `BrokenError`.
    """
    picture = _opened(data)
    height, width, channels = shape
    if picture.size != (width, height) and not resize:
        own = f"{picture.size[1]} x {picture.size[0]}"
        raise SizeError(f"is {own} (height x width), others are {height} x {width}")
    try:
        picture = _opaque(picture).convert(MODES[channels])
        if picture.size != (width, height):
            picture = _resized(picture, (width, height))
        return np.asarray(picture).reshape(shape)
    except (*DAMAGE, struct.error, zlib.error) as error:
        raise BrokenError(f"is damaged or cut off ({error})") from error


def thumbnail(data: bytes, side: int) -> bytes:
    """Return a picture as a PNG whose longer side has so many pixels at most.

    Raises `BrokenError`.
    """
    picture = _opened(data)
    try:
        small = _opaque(picture).convert("L" if picture.mode in GREY else "RGB")
        small.thumbnail((side, side))
        kept = io.BytesIO()
        small.save(kept, "PNG")
    except (*DAMAGE, struct.error, zlib.error) as error:
        raise BrokenError(f"is damaged or cut off ({error})") from error
    return kept.getvalue()


def _opened(data: bytes) -> Picture:
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    # Pillow's own limit warns; the size is compared below, before anything is decoded.
    Pillow.MAX_IMAGE_PIXELS = None
    try:
        picture = Pillow.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise BrokenError(f"is no {' or '.join(FORMATS)}") from error
    except (*DAMAGE, struct.error, zlib.error) as error:
        raise BrokenError(f"has a damaged header ({error})") from error
    width, height = picture.size
    if width * height > MOST_PIXELS:
        raise BrokenError(f"has {width * height:,} pixels, at most {MOST_PIXELS:,} are read")
    if picture.mode not in KNOWN_MODES:
        raise BrokenError(f"has pixels of {picture.mode}, expected 8 bits a channel")
    return picture


def _opaque(picture: Picture) -> Picture:
    if picture.mode not in ("LA", "PA", "RGBA") and "transparency" not in picture.info:
        return picture
    from PIL import Image as Pillow

    layered = picture.convert("RGBA")
    white = Pillow.new("RGBA", layered.size, "white")
    return Pillow.alpha_composite(white, layered)


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    from PIL.Image import Resampling

    return picture.resize(size, Resampling.BILINEAR, reducing_gap=2.0)
