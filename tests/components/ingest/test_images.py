"""Pictures in folders, zips and CIFAR-10's archives become one artifact, or one sentence."""

from __future__ import annotations

import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components import image_dataset
from components.errors import DataError
from components.image_dataset import Images
from components.ingest import cifar, keras_datasets, restricted_pickle
from components.ingest.image_rules import Arrangement, arranged
from components.ingest.image_step import Request, run
from tests.components.pictures import (
    COLOURS,
    cifar_binary,
    cifar_python,
    cifar_rows,
    collection,
    encoded,
    folder,
    shade,
    tarred,
    zipped,
)

AS_THEY_ARE = Request()


def ingested(directory: Path, source: Path, request: Request = AS_THEY_ARE) -> Images:
    run(str(source), request, directory / "images")
    return image_dataset.read(directory / "images")


@pytest.mark.parametrize("pack", [zipped, folder])
def test_a_folder_for_each_class_is_a_class(tmp_path: Path, pack: Callable[..., Path]) -> None:
    files = {**collection(), "notes.txt": b"hi", ".DS_Store": b"", "__MACOSX/red/._0.png": b"x"}
    found = ingested(tmp_path, pack(tmp_path / "source", files))
    assert (found.schema.labels, found.schema.shape) == (("blue", "green", "red"), (12, 12, 3))
    assert (found.schema.rows, found.schema.test_rows) == (12, 0)
    assert found.classes.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    for row, name in enumerate(found.names):
        colour = COLOURS[name.split("/")[0]]
        np.testing.assert_array_equal(found.pixels[row], shade(colour, int(Path(name).stem)))
    assert len(found.schema.sha256) == 64


LAYOUTS: dict[str, tuple[list[str], list[tuple[str, str, bool]]]] = {
    "one folder around it all": (
        ["all/a/1.jpg", "all/b/1.jpg"],
        [("all/a/1.jpg", "a", False), ("all/b/1.jpg", "b", False)],
    ),
    "two folders around it all": (
        ["x/y/a/1.jpg", "x/y/b/1.jpg"],
        [("x/y/a/1.jpg", "a", False), ("x/y/b/1.jpg", "b", False)],
    ),
    "train and test": (
        ["d/train/a/1.PNG", "d/test/a/1.png", "d/train/b/1.png"],
        [
            ("d/train/a/1.PNG", "a", False),
            ("d/train/b/1.png", "b", False),
            ("d/test/a/1.png", "a", True),
        ],
    ),
    "train alone": (
        ["train/a/1.png", "train/b/1.png"],
        [("train/a/1.png", "a", False), ("train/b/1.png", "b", False)],
    ),
    "validation where nothing is for testing": (
        ["Training/a/1.png", "Training/b/1.png", "val/b/2.png"],
        [
            ("Training/a/1.png", "a", False),
            ("Training/b/1.png", "b", False),
            ("val/b/2.png", "b", True),
        ],
    ),
    "validation beside a test part": (
        ["train/a/1.png", "valid/b/2.png", "test/b/3.png"],
        [("train/a/1.png", "a", False), ("valid/b/2.png", "b", False), ("test/b/3.png", "b", True)],
    ),
    "a class that is named as a part": (
        ["test/1.png", "a/1.png"],
        [("a/1.png", "a", False), ("test/1.png", "test", False)],
    ),
    "deeper folders": (
        ["a/2020/1.png", "a/2021/1.png", "b/1.png"],
        [("a/2020/1.png", "a", False), ("a/2021/1.png", "a", False), ("b/1.png", "b", False)],
    ),
    "numbers by their value": (
        ["10/1.png", "9/1.png", "x/1.png"],
        [("9/1.png", "9", False), ("10/1.png", "10", False), ("x/1.png", "x", False)],
    ),
    "ü as one character and as two": (
        ["train/m\u00fc/1.png", "train/x/1.png", "test/mu\u0308/1.png"],
        [
            ("train/m\u00fc/1.png", "m\u00fc", False),
            ("train/x/1.png", "x", False),
            ("test/mu\u0308/1.png", "m\u00fc", True),
        ],
    ),
}


@pytest.mark.parametrize(("names", "expected"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_layout_tells_class_and_part(
    names: list[str], expected: list[tuple[str, str, bool]]
) -> None:
    found: Arrangement = arranged(names)
    assert [(p.name, p.label, p.is_test) for p in found.pictures] == expected


def test_names_in_any_script_are_kept(tmp_path: Path) -> None:
    names = {"kuş": "kuş/şahin 1.png", "猫": "猫/一.png", "it's": "it's/'x'.png"}
    files = {path: encoded(shade((9, 9, 9), n)) for n, path in enumerate(names.values())}
    found = ingested(tmp_path, zipped(tmp_path / "a.zip", files))
    assert set(found.schema.labels) == set(names)
    assert set(found.names) == set(names.values())


def test_names_in_a_zip_that_does_not_say_so_are_utf_8(tmp_path: Path) -> None:
    files = {f"{name}/1.png": encoded(shade((1, 2, 3), 1)) for name in ("b__y__k", "k")}
    whole = zipped(tmp_path / "a.zip", files).read_bytes()
    (tmp_path / "a.zip").write_bytes(whole.replace(b"b__y__k", "büyük".encode()))
    assert ingested(tmp_path, tmp_path / "a.zip").schema.labels == ("büyük", "k")


@pytest.mark.parametrize(
    ("kind", "channels"),
    [("PNG", 3), ("PNG", 1), ("JPEG", 3), ("JPEG", 1), ("BMP", 3), ("WEBP", 3)],
)
def test_every_format_is_decoded(tmp_path: Path, kind: str, channels: int) -> None:
    suffix = {"JPEG": "jpg"}.get(kind, kind.lower())
    made = {f"{n % 2}/{n}.{suffix}": shade((80 + n,) * channels, n) for n in range(4)}
    files = {name: encoded(pixels, kind) for name, pixels in made.items()}
    found = ingested(tmp_path, zipped(tmp_path / "a.zip", files))
    assert found.schema.shape == (12, 12, channels)
    for row, name in enumerate(found.names):
        far = 0 if kind in ("PNG", "BMP") else 25
        assert np.abs(found.pixels[row].astype(int) - made[name]).mean() <= far


def test_what_is_transparent_is_laid_on_white(tmp_path: Path) -> None:
    clear = np.zeros((12, 12, 4), np.uint8)
    files = {"a/1.png": encoded(clear), "b/1.png": encoded(shade((1, 2, 3), 1))}
    assert (ingested(tmp_path, zipped(tmp_path / "a.zip", files)).pixels[0] == 255).all()


def test_pictures_of_several_sizes_are_resized_where_that_is_asked(tmp_path: Path) -> None:
    files = {**collection(2, (12, 12)), "red/large.png": encoded(shade((200, 0, 0), 1, (40, 20)))}
    source = zipped(tmp_path / "a.zip", files)
    found = ingested(tmp_path, source, Request((16, 10), 0))
    assert found.schema.shape == (16, 10, 3)
    assert ingested(tmp_path, source, Request((16, 10), 1)).schema.channels == 1


def test_what_stood_there_before_is_replaced_and_a_refusal_leaves_nothing(tmp_path: Path) -> None:
    ingested(tmp_path, zipped(tmp_path / "a.zip", collection()))
    assert ingested(tmp_path, zipped(tmp_path / "a.zip", collection(5))).schema.rows == 15
    with pytest.raises(DataError):
        run(str(tmp_path / "none.zip"), Request(), tmp_path / "other")
    assert not list(tmp_path.glob("other*"))


def broken(**changed: bytes) -> dict[str, bytes]:
    return {
        **collection(),
        **{name.replace("__", "/").replace("_", "."): d for name, d in changed.items()},
    }


PNG = encoded(shade((9, 9, 9), 1))
SIZED = b"IHDR" + struct.pack(">II", 60_000, 60_000) + PNG[24:29]
HUGE = PNG[:12] + SIZED + struct.pack(">I", zlib.crc32(SIZED)) + PNG[33:]
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


def test_keras_data_sets_are_one_shape(tmp_path: Path) -> None:
    grey = np.arange(3 * 28 * 28, dtype=np.uint8).reshape(3, 28, 28)
    found = keras_datasets.arrays(
        "keras://mnist", lambda _: ((grey[:2], np.array([[1], [2]])), (grey[2:], np.array([[9]])))
    )
    assert (found.pixels.shape, found.test_rows) == ((3, 28, 28, 1), 1)
    assert found.classes.tolist() == [1, 2, 9]
    assert len(keras_datasets.sha256(found)) == 64


def test_a_data_set_that_keras_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data set 'cifar11'; did you mean cifar10"):
        run("keras://cifar11", Request(), tmp_path / "images")


def test_the_usual_names_are_known_where_the_archive_has_none() -> None:
    files = {Path(n).name: data for n, data in without(cifar_binary(), "batches.meta.txt").items()}
    assert cifar.arrays(files).labels == cifar.LABELS
