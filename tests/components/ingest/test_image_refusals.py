"""What is no collection of pictures is refused in one sentence."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from components.errors import DataError
from components.ingest.image_step import Request, run
from tests.components.pictures import (
    collection,
    encoded,
    folder,
    shade,
    tarred,
    zipped,
)


def broken(**changed: bytes) -> dict[str, bytes]:
    return {
        **collection(),
        **{name.replace("__", "/").replace("_", "."): d for name, d in changed.items()},
    }


PNG = encoded(shade((9, 9, 9), 1))
SIZED = b"IHDR" + struct.pack(">II", 60_000, 60_000) + PNG[24:29]
HUGE = PNG[:12] + SIZED + struct.pack(">I", zlib.crc32(SIZED)) + PNG[33:]
DEEP = encoded(np.arange(64, dtype=np.uint16).reshape(8, 8) * 999)
REFUSED: dict[str, tuple[dict[str, bytes], str]] = {
    "empty": ({}, "holds no picture"),
    "no pictures": ({"a/1.txt": b"x", "b/2.csv": b"y"}, r"holds no picture \(2 other files\)"),
    "one class": ({"a/1.png": PNG, "a/2.png": PNG}, r"only one class, 'a' \(2 pictures\)"),
    "no folders": ({"1.png": PNG, "a/2.png": PNG}, "'1.png' lies in no folder of a class"),
    "only a test part": ({"test/a/1.png": PNG, "test/b/1.png": PNG}, "none to train on"),
    "a class in the test part only": (
        {"train/a/1.png": PNG, "train/b/1.png": PNG, "test/c/1.png": PNG},
        "'c' in the test part only",
    ),
    "a broken JPEG": (
        broken(red__9_jpg=encoded(shade((9, 9, 9), 1), "JPEG")[:-90]),
        "1 of 13 pictures cannot be used .'red/9.jpg'.*replace or delete",
    ),
    "nothing but pictures of 16 bits": (
        {"a/1.png": DEEP, "b/1.png": DEEP},
        "none of the pictures that were tried can be read: 'a/1.png' has pixels of I;16, expected",
    ),
    "an empty picture": (broken(red__9_png=b""), "'red/9.png' is no JPEG or PNG"),
    "a text that says it is one": (broken(red__9_png=b"hello" * 99), "'red/9.png' is no JPEG"),
    "a picture bomb": (broken(red__9_png=HUGE), "has 3,600,000,000 pixels"),
    "several sizes": (
        broken(red__9_png=encoded(shade((9, 9, 9), 1, (8, 9)))),
        r"'red/9.png' is 8 x 9 \(height x width\), others are 12 x 12.*data.image_size",
    ),
    "a path that leaves": ({**collection(), "../evil/1.png": PNG}, "'../evil/1.png', a path that"),
    "an absolute path": ({**collection(), "/etc/1.png": PNG}, "a path that leaves the folder"),
    "a drive": ({**collection(), "C:/a/1.png": PNG}, "a path that leaves the folder"),
}


@pytest.mark.parametrize(("files", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_collection_is_one_sentence(
    tmp_path: Path, files: dict[str, bytes], said: str
) -> None:
    source = zipped(tmp_path / "a.zip", files)
    with pytest.raises(DataError, match=said) as refused:
        run(str(source), Request(), tmp_path / "images")
    assert str(refused.value).startswith(f"{source}: ")
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.glob("images*"))


def nothing(path: Path) -> Path:
    return path / "none"


def empty(path: Path) -> Path:
    (path / "source").mkdir()
    return path / "source"


def text(path: Path) -> Path:
    (path / "a.csv").write_text("a,b\n")
    return path / "a.csv"


def cut(path: Path) -> Path:
    whole = zipped(path / "a.zip", collection()).read_bytes()
    (path / "a.zip").write_bytes(whole[: len(whole) // 2])
    return path / "a.zip"


def scrambled(path: Path) -> Path:
    whole = bytearray(zipped(path / "a.zip", collection()).read_bytes())
    whole[60:200] = bytes(140)
    (path / "a.zip").write_bytes(whole)
    return path / "a.zip"


def bomb(path: Path) -> Path:
    whole = bytearray(zipped(path / "a.zip", collection()).read_bytes())
    size = whole.index(b"PK\x01\x02") + 24
    whole[size : size + 4] = struct.pack("<I", 2**31)
    (path / "a.zip").write_bytes(whole)
    return path / "a.zip"


def encrypted(path: Path) -> Path:
    whole = bytearray(zipped(path / "a.zip", collection()).read_bytes())
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    (path / "a.zip").write_bytes(whole)
    return path / "a.zip"


def linked(path: Path) -> Path:
    made = folder(path / "source", collection())
    (made / "red" / "x.png").symlink_to("/etc/hostname")
    return made


def linked_in_a_zip(path: Path) -> Path:
    with zipfile.ZipFile(zipped(path / "a.zip", collection()), "a") as archive:
        entry = zipfile.ZipInfo("red/x.png")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/hostname")
    return path / "a.zip"


def no_utf_8(path: Path) -> Path:
    made = folder(path / "source", collection())
    strange = Path(os.fsdecode(os.fsencode(made) + b"/\xff\xfe"))
    strange.mkdir()
    (strange / "1.png").write_bytes(PNG)
    return made


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (nothing, "no such file or folder"),
        (empty, "holds no picture"),
        (text, "neither a folder nor a zip"),
        (cut, "neither a folder nor a zip"),
        (scrambled, "cannot be used"),
        (bomb, r"unpack to [\d,]+, as no pictures do"),
        (encrypted, "'blue/0.png' is encrypted"),
        (linked, "'red/x.png' is a link that leaves the folder"),
        (linked_in_a_zip, "'red/x.png' is a link"),
        (no_utf_8, "is not UTF-8: rename it"),
        (lambda path: tarred(path / "a.tar.gz", collection()), "a tar without CIFAR-10's batches"),
    ],
)
def test_a_bad_source_is_one_sentence(
    tmp_path: Path, source: Callable[[Path], Path], said: str
) -> None:
    with pytest.raises(DataError, match=said) as refused:
        run(str(source(tmp_path)), Request(), tmp_path / "images")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "request_", [Request((0, 5)), Request((5,)), Request((9, 9), 2), Request((10**6, 10**6))]
)
def test_a_size_that_is_none_is_refused(tmp_path: Path, request_: Request) -> None:
    with pytest.raises(DataError, match="image_size"):
        run(str(tmp_path), request_, tmp_path / "images")


def test_a_data_set_that_keras_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data set 'cifar11'; did you mean cifar10"):
        run("keras://cifar11", Request(), tmp_path / "images")
