"""A pickle that may hold arrays, bytes, texts, numbers, lists and dicts, and can do nothing else.

CIFAR-10's python archive is made of pickles. Reading one calls whatever functions it names, so a
file from anywhere may run anything. Here a name is looked up in a table of five, all ours: none of
NumPy's own functions is called, not even with arguments that only cost memory.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from components.errors import PicturesError

TYPES = frozenset({"u1", "i1", "i4", "i8", "b1", "uint8", "int32", "int64"})
_NDARRAY = "the class of arrays"
"""What stands for numpy.ndarray: something that cannot be called."""

DAMAGE = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
    OverflowError,
    MemoryError,
    RecursionError,
)
"""What pickle raises on bytes that are none, or that name what they may not."""


def load(data: bytes) -> Any:
    """Return what was pickled, arrays as `Array`; the texts of Python 2 come back as bytes.

    Raises `PicturesError` with the first name that is not allowed, or where it is no pickle.
    """
    try:
        return _Restricted(io.BytesIO(data), encoding="bytes").load()
    except DAMAGE as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise PicturesError(f"it is no pickle of arrays and lists ({reason:.200})") from error


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        top = module.split(".")[0]
        if (top, name) in _ALLOWED:
            return _ALLOWED[top, name]
        raise pickle.UnpicklingError(f"it names {module}.{name}, which is not allowed")


class _Type:
    """What a pickle makes a dtype of: a code, then a state that may only name the bytes' order."""

    def __init__(self, code: object, *_: object) -> None:
        text = code.decode("ascii") if isinstance(code, bytes) else code
        if text not in TYPES:
            raise pickle.UnpicklingError(f"it holds an array of {text!r}")
        self.dtype = np.dtype(text)

    def __setstate__(self, state: tuple[object, ...]) -> None:
        if state[1] in (b">", ">"):
            self.dtype = self.dtype.newbyteorder(">")


class Array:
    """A pickled array; it is empty until the pickle's next step fills it."""

    def __init__(self, kind: object, *_: object) -> None:
        if kind is not _NDARRAY:
            raise pickle.UnpicklingError("it makes an array in a strange way")
        self.values = np.empty(0, np.uint8)

    def __setstate__(self, state: tuple[object, ...]) -> None:
        _, shape, type_, is_fortran, data = state
        self.values = _filled(data, type_, shape, "F" if is_fortran else "C")


def _frombuffer(data: object, type_: object, shape: object, order: object) -> Array:
    array = Array(_NDARRAY)
    array.values = _filled(data, type_, shape, order)
    return array


def _filled(data: object, type_: object, shape: object, order: object) -> np.ndarray:
    if not isinstance(data, bytes | bytearray) or not isinstance(type_, _Type):
        raise pickle.UnpicklingError("it makes an array in a strange way")
    if not isinstance(shape, tuple) or order not in ("C", "F"):
        raise pickle.UnpicklingError("it makes an array in a strange way")
    values: np.ndarray = np.frombuffer(data, type_.dtype).reshape(shape, order=order)
    return values


def _encode(text: object, encoding: object) -> bytes:
    """Return bytes as Python 3 writes them into the pickles of Python 2."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("it makes bytes in a strange way")
    return text.encode("latin1")


_ALLOWED: Mapping[tuple[str, str], str | Callable[..., Any]] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "_reconstruct"): Array,
    ("numpy", "_frombuffer"): _frombuffer,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
}
