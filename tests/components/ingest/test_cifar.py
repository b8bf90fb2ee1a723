"""CIFAR-10's archives, as bytes and as pickles, become one artifact, or one sentence."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.errors import DataError
from components.ingest import cifar, restricted_pickle
from components.ingest.image_step import Request, run
from tests.components.pictures import (
    cifar_binary,
    cifar_python,
    cifar_rows,
    folder,
    ingested,
    tarred,
    zipped,
)

ARCHIVES: dict[str, dict[str, bytes]] = {
    "binary": cifar_binary(),
    "python 2": cifar_python(protocol=2),
    "python 3": cifar_python(protocol=4),
    "python, arrays as buffers": cifar_python(protocol=5),
}


@pytest.mark.parametrize("pack", [tarred, folder, zipped])
@pytest.mark.parametrize("files", ARCHIVES.values(), ids=ARCHIVES.keys())
def test_the_archives_of_cifar_are_read(
    tmp_path: Path, files: dict[str, bytes], pack: Callable[..., Path]
) -> None:
    found = ingested(tmp_path, pack(tmp_path / "source", files))
    assert (found.schema.shape, found.schema.rows, found.schema.test_rows) == ((32, 32, 3), 12, 4)
    assert found.schema.labels == ("airplane", "automobile", "bird")
    rows = [cifar_rows(4, place) for place in range(3)]
    assert found.classes.tolist() == [label for _, labels in rows for label in labels]
    planes = np.concatenate([pixels for pixels, _ in rows]).reshape(-1, 3, 32, 32)
    np.testing.assert_array_equal(found.pixels, planes.transpose(0, 2, 3, 1))


class Evil:
    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call


def without(files: dict[str, bytes], end: str, data: bytes | None = None) -> dict[str, bytes]:
    kept = {name: value for name, value in files.items() if not name.endswith(end)}
    return kept if data is None else {**kept, f"x/{end}": data}


def pickled(value: object) -> dict[str, bytes]:
    return without(cifar_python(), "data_batch_2", pickle.dumps(value))


PIXELS = np.zeros((2, 3072), np.uint8)
HOSTILE: dict[str, tuple[dict[str, bytes], str]] = {
    "a program": (pickled(Evil(os.system, ("true",))), r"names (posix|nt)\.system, which is not"),
    "a program of NumPy": (pickled(Evil(np.fromfile, ("/etc/passwd",))), "fromfile, which is not"),
    "a terabyte": (pickled(Evil(np.zeros, (10**12,))), "zeros, which is not allowed"),
    "an array of objects": (
        pickled({"data": np.array([{}], object), "labels": [1]}),
        "array of 'O",
    ),
    "no dict": (pickled([1, 2]), "holds list, expected a dict"),
    "no data": (pickled({"labels": [1]}), "its `data` is NoneType"),
    "no labels": (pickled({"data": PIXELS}), "`labels` are no list"),
    "labels that are none": (pickled({"data": PIXELS, "labels": [1, "x"]}), "`labels` are no list"),
    "too few labels": (pickled({"data": PIXELS, "labels": [1]}), r"\(2, 3072\) and 1 `labels`"),
    "floats": (pickled({"data": PIXELS.astype(float), "labels": [1, 1]}), "array of 'f8'"),
    "a class without a name": (pickled({"data": PIXELS, "labels": [1, 9]}), "the class 9, but 3"),
    "no pickle": (
        without(cifar_python(), "data_batch_2", b"hello"),
        "data_batch_2: it is no pickle",
    ),
    "a pickle that ends": (
        without(cifar_python(), "data_batch_2", pickle.dumps({"data": PIXELS})[:100]),
        "it is no pickle",
    ),
    "a batch that is missing": (without(cifar_binary(), "data_batch_1.bin"), "data_batch_1.bin is"),
    "half a row": (
        without(cifar_binary(), "data_batch_2.bin", bytes(3000)),
        "it has 3,000 bytes, expected 3,073 for each",
    ),
    "names that are none": (
        without(cifar_python(), "batches.meta", pickle.dumps({"label_names": 3})),
        "no list of names",
    ),
}


@pytest.mark.parametrize(("files", "said"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_bad_batch_is_one_sentence(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    source = tarred(tmp_path / "a.tar.gz", files)
    with pytest.raises(DataError, match=said) as refused:
        run(str(source), Request(), tmp_path / "images")
    assert "\n" not in str(refused.value)


def test_a_dtype_whose_state_is_forged_is_nothing_but_a_number() -> None:
    class Forged:
        def __reduce__(self) -> Any:
            # Flags that say "holds objects" would make NumPy follow bytes as pointers.
            return np.dtype, ("u1", False, True), (3, "|", None, ("x",), {"x": 1}, 8, 1, 63)

    found = restricted_pickle.load(pickle.dumps(Forged()))
    assert found.dtype == np.uint8
    assert found.dtype.hasobject is False


def test_the_usual_names_are_known_where_the_archive_has_none() -> None:
    files = {Path(n).name: data for n, data in without(cifar_binary(), "batches.meta.txt").items()}
    assert cifar.arrays(files).labels == cifar.LABELS
