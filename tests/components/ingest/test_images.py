"""Pictures in folders and zips become one artifact, or one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from components.errors import DataError
from components.ingest import keras_datasets
from components.ingest.image_rules import Arrangement, arranged
from components.ingest.image_step import Request, run
from tests.components.pictures import (
    COLOURS,
    collection,
    encoded,
    folder,
    ingested,
    shade,
    zipped,
)


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


def test_keras_data_sets_are_one_shape(tmp_path: Path) -> None:
    grey = np.arange(3 * 28 * 28, dtype=np.uint8).reshape(3, 28, 28)
    found = keras_datasets.arrays(
        "keras://mnist", lambda _: ((grey[:2], np.array([[1], [2]])), (grey[2:], np.array([[9]])))
    )
    assert (found.pixels.shape, found.test_rows) == ((3, 28, 28, 1), 1)
    assert found.classes.tolist() == [1, 2, 9]
    assert len(keras_datasets.sha256(found)) == 64
