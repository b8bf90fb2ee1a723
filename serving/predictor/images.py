"""What clients send to an image model, as one checked array; the counterpart of `requests`."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from serving.image_signature import Image, encode_images
from serving.pictures import PictureError, decoded
from serving.predictor.cells import BadRequest, shown
from serving.predictor.image_values import PIXELS, VALUES, Kind, fault, flat, flat_fault, nested
from serving.predictor.requests import Checked, rows_of
from serving.predictor.tensors import Taking, Tensor

KINDS = {"UINT8": PIXELS, "FP16": VALUES, "FP32": VALUES, "FP64": VALUES}
FILE = '{"b64": "..."} with a JPEG or PNG in base64'


QUICK_BYTES = 2**16
"""Files of more bytes are decoded in a thread: a byte that somebody made to keep a decoder busy
takes it a microsecond."""


class Files:
    """JPEG and PNG files that are still to be decoded, beside the event loop."""

    def __init__(self, files: Sequence[bytes | memoryview], image: Image) -> None:
        self._files, self._image = files, image

    def __len__(self) -> int:
        return len(self._files)

    def decoded(self) -> np.ndarray:
        """Return what the model gets for them; raise `BadRequest` for the first that is wrong."""
        pixels = np.empty((len(self), *self._image.shape), np.uint8)
        for index, file in enumerate(self._files):
            try:
                pixels[index] = decoded(file, self._image)
            except PictureError as error:
                raise BadRequest(f"Image {index} (counted from 0): {error}.") from error
        return encode_images(self._image, pixels)


class ImageReader:
    """Reads requests for one kind of image; what does not fit is a `BadRequest` that says why.

    It returns float32 [n, height, width, channels], as `encode_images` gives it: pixels (UINT8, and
    those of JPEG and PNG files) are scaled, other numbers taken as they are. Only large files come
    back as `Files`.
    """

    taking = Taking(4, lambda _, file: file)

    def __init__(self, image: Image) -> None:
        self._image = image

    def instances(self, body: object, raw: bytes | None = None) -> Checked:
        """Return the images of a V1 body: {"instances": [image, …]}.

        An image is nested lists of numbers [height, width, channels], or {"b64": file in base64};
        either may stand under the input's name, {"image": …}, as TensorFlow Serving's clients
        write it. `raw` are the bytes that the body was parsed from, where they are known.
        """
        images = [_unnamed(item) for item in rows_of(body)]
        if isinstance(images[0], dict):
            return self._decoded([_file(i, _text(i, item)) for i, item in enumerate(images)])
        return self._finite(self._nested(images, self._image.shape, VALUES, raw))

    def tensors(self, tensors: Sequence[Tensor]) -> Checked:
        """Return the images of a V2 request: one tensor, whatever its name.

        UINT8, FP16, FP32 or FP64 of the shape [n, height, width, channels] or [n, values]; or
        BYTES [n], each a JPEG or PNG file, which JSON carries as base64.
        """
        if len(tensors) != 1:
            raise BadRequest(f"The request has {len(tensors)} inputs, expected one with images.")
        (tensor,) = tensors
        if tensor.datatype == "BYTES":
            return self._decoded([_file(i, item) for i, item in enumerate(_files(tensor))])
        kind = KINDS.get(tensor.datatype)
        if kind is None:
            raise BadRequest(
                f"Input {shown(tensor.name)} has datatype {shown(tensor.datatype)}, expected "
                f"{', '.join(KINDS)}, or BYTES for JPEG and PNG files."
            )
        self._check_shape(tensor)
        values = encode_images(self._image, self._values(tensor, kind))
        images = values.reshape(-1, *self._image.shape)
        return images if kind is PIXELS else self._finite(images)

    def _check_shape(self, tensor: Tensor) -> None:
        rows, *rest = tensor.shape or (0,)
        if rows < 1 or tuple(rest) not in (self._image.shape, (self._image.values,)):
            raise BadRequest(
                f"Input {shown(tensor.name)} has shape {shown(list(tensor.shape))}, expected "
                f"[n, {', '.join(map(str, self._image.shape))}] with at least one image."
            )

    def _values(self, tensor: Tensor, kind: Kind) -> np.ndarray:
        data, rows = tensor.data, tensor.shape[0]
        if isinstance(data, np.ndarray):
            return data
        is_nested = bool(data) and isinstance(data[0], list)
        size = rows if is_nested else rows * self._image.values
        if len(data) != size:
            raise BadRequest(
                f"Input {shown(tensor.name)} has {len(data)} {'images' if is_nested else 'values'},"
                f" expected {size}, as its shape {shown(list(tensor.shape))} says."
            )
        return self._nested(data, tensor.shape[1:], kind) if is_nested else self._flat(data, kind)

    def _flat(self, data: list[Any], kind: Kind) -> np.ndarray:
        values = flat(data, kind)
        if values is None:
            raise BadRequest(str(flat_fault(data, self._image.values, kind)))
        return values

    def _nested(
        self, images: list[Any], shape: tuple[int, ...], kind: Kind, raw: bytes | None = None
    ) -> np.ndarray:
        values = nested(images, shape, kind, raw)
        if values is None:
            raise BadRequest(fault(images, shape, kind))
        return values

    def _finite(self, images: np.ndarray) -> np.ndarray:
        if np.isfinite(images).all():
            return images
        index, *place = np.argwhere(~np.isfinite(images))[0].tolist()
        raise BadRequest(
            f"Image {index} (counted from 0), at {place}: got {images[index][tuple(place)]}, "
            f"expected {VALUES.expected}."
        )

    def _decoded(self, sent: list[bytes | memoryview]) -> np.ndarray:
        files = Files(sent, self._image)
        if sum(map(len, sent)) <= QUICK_BYTES:
            return files.decoded()
        # They go no further than `ImagePlane`; no other way of the cells needs to know them.
        return files  # type: ignore[return-value]


def _unnamed(item: Any) -> Any:
    return item["image"] if isinstance(item, dict) and item.keys() == {"image"} else item


def _text(index: int, item: Any) -> object:
    if not isinstance(item, dict) or item.keys() != {"b64"}:
        raise BadRequest(f"Image {index} (counted from 0) is {shown(item)}, expected {FILE}.")
    return item["b64"]


def _files(tensor: Tensor) -> list[Any]:
    data: list[Any] = tensor.data
    if data and all(isinstance(item, list) for item in data):
        data = list(chain.from_iterable(data))
    if tensor.shape not in ((len(data),), (len(data), 1)) or not data:
        raise BadRequest(
            f"Input {shown(tensor.name)} has {len(data)} values and shape "
            f"{shown(list(tensor.shape))}, expected [n] with one JPEG or PNG file an image."
        )
    return data


def _file(index: int, item: object) -> bytes | memoryview:
    """Return the bytes of a file: as they came, or those that a text holds in base64."""
    if isinstance(item, bytes | memoryview):
        return item
    try:
        return binascii.a2b_base64(item, strict_mode=True)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise BadRequest(
            f"Image {index} (counted from 0) is {shown(item)}, expected a JPEG or PNG file in "
            f"base64 ({error})."
        ) from error
