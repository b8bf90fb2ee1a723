"""Small collections of pictures, whole and broken, in folders, zips and CIFAR-10's archives."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from components import image_dataset
from components.image_dataset import Images
from components.ingest.image_step import Request, run

COLOURS = {"blue": (20, 40, 200), "green": (30, 190, 40), "red": (210, 30, 30)}
CIFAR_NAMES = [b"airplane", b"automobile", b"bird"]
AS_THEY_ARE = Request()


def shade(colour: tuple[int, ...], number: int, size: tuple[int, int] = (12, 12)) -> np.ndarray:
    """Return noise around a colour, uint8 [height, width, channels]."""
    rng = np.random.default_rng([number, *colour])
    noise = rng.integers(-20, 20, (*size, len(colour)))
    return np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    """Return the pixels as a file."""
    stream = io.BytesIO()
    shown = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    Image.fromarray(shown).save(stream, kind, **({"quality": 95} if kind == "JPEG" else {}))
    return stream.getvalue()


def collection(each: int = 4, size: tuple[int, int] = (12, 12)) -> dict[str, bytes]:
    """Return `<colour>/<number>.png` and their bytes."""
    return {
        f"{name}/{number}.png": encoded(shade(colour, number, size))
        for name, colour in COLOURS.items()
        for number in range(each)
    }


def parts(train: int, test: int, size: tuple[int, int] = (12, 12)) -> dict[str, bytes]:
    """Return `train/<colour>/…` and `test/<colour>/…`."""
    made = collection(train + test, size)
    return {
        f"{'train' if int(Path(name).stem) < train else 'test'}/{name}": data
        for name, data in made.items()
    }


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write a zip and return where."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def folder(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write a folder and return where."""
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def tarred(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write a tar.gz and return where."""
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def cifar_rows(rows: int, seed: int) -> tuple[np.ndarray, list[int]]:
    """Return uint8 [n, 3072], planes one after the other, and classes."""
    pixels = np.random.default_rng(seed).integers(0, 256, (rows, 3072)).astype(np.uint8)
    return pixels, [(row + seed) % 3 for row in range(rows)]


def cifar_binary(rows: int = 4) -> dict[str, bytes]:
    """Return the files of CIFAR-10's binary archive, with few rows."""
    files = {"cifar-10-batches-bin/batches.meta.txt": b"\n".join(CIFAR_NAMES) + b"\n\n"}
    for place, name in enumerate(["data_batch_1", "data_batch_2", "test_batch"]):
        pixels, classes = cifar_rows(rows, place)
        lines = [bytes([label]) + row.tobytes() for label, row in zip(classes, pixels, strict=True)]
        files[f"cifar-10-batches-bin/{name}.bin"] = b"".join(lines)
    return files


def cifar_python(rows: int = 4, protocol: int = 2) -> dict[str, bytes]:
    """Return the files of CIFAR-10's python archive, with few rows."""
    meta: Any = {b"label_names": CIFAR_NAMES}
    files = {"cifar-10-batches-py/batches.meta": pickle.dumps(meta, protocol)}
    for place, name in enumerate(["data_batch_1", "data_batch_2", "test_batch"]):
        pixels, classes = cifar_rows(rows, place)
        batch = {b"data": pixels, b"labels": classes, b"filenames": [b"a.png"] * rows}
        files[f"cifar-10-batches-py/{name}"] = pickle.dumps(batch, protocol)
    return files


def ingested(directory: Path, source: Path, request: Request = AS_THEY_ARE) -> Images:
    """Let the step read a source, and return what it made of it."""
    run(str(source), request, directory / "images")
    return image_dataset.read(directory / "images")
