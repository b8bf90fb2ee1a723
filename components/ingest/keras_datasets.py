"""The data sets that Keras fetches from the network, by `keras://NAME`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

import numpy as np

from components.errors import UnreadableError
from components.ingest import cifar
from components.ingest.cifar import Arrays
from components.nearest import instead

SCHEME = "keras://"
DIGITS = tuple(map(str, range(10)))
CLOTHES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
LABELS = {"cifar10": cifar.LABELS, "mnist": DIGITS, "fashion_mnist": CLOTHES}
Part = tuple[np.ndarray, np.ndarray]
"""Images uint8 [n, height, width] or [n, height, width, channels], and their classes."""


def is_named(uri: str) -> bool:
    """Say whether a URI names a data set of Keras."""
    return uri.startswith(SCHEME)


def arrays(uri: str, fetch: Callable[[str], tuple[Part, Part]]) -> Arrays:
    """Return the images of `keras://NAME`; `fetch` gets the name, and gives both parts.

    Raises `UnreadableError` for a name that is not known, or where it cannot be fetched.
    """
    name = uri.removeprefix(SCHEME).strip("/")
    if name not in LABELS:
        raise UnreadableError(f"there is no data set {name!r}; {instead(name, LABELS)}.")
    (train, known), (test, held) = fetch(name)
    pixels = np.concatenate([train, test])
    shaped = pixels if pixels.ndim == 4 else pixels[..., None]
    classes = np.concatenate([known, held]).reshape(-1).astype(np.int64)
    return Arrays(LABELS[name], shaped, classes, len(test))


def fetched(name: str) -> tuple[Part, Part]:
    """Return a data set as `keras.datasets` fetches it, checks its hash, and keeps it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        from keras import datasets
    except ImportError as error:
        raise UnreadableError("it needs Keras: `pip install 'kanarya[images]'`.") from error
    try:
        found: tuple[Part, Part] = getattr(datasets, name).load_data()
    except Exception as error:  # whatever the network does, Keras raises it bare
        reason = " ".join(str(error).split())[:200]
        raise UnreadableError(
            f"it could not be fetched ({reason}): go where there is a network, or name a file."
        ) from error
    return found


def sha256(found: Arrays) -> str:
    """Return the hash of the pixels and the classes."""
    whole = hashlib.sha256(np.ascontiguousarray(found.pixels).data)
    whole.update(np.ascontiguousarray(found.classes).data)
    return whole.hexdigest()
