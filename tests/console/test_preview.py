"""What is seen of data before a run: files as people send them, by table."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from components.errors import DataError
from console.data.looking import LONGEST_CELL, looked
from console.data.preview import Column, Preview, are_pictures, findings, pictures, preview
from serving.errors import UsageError
from serving.settings import Settings
from tests.components.pictures import collection

WIDE = ",".join(f"c{at}" for at in range(1000)) + "\n" + ",".join("1" * 1000) + "\n"
LONG = "a,b\n1," + "x" * 2_000_000 + "\n2,y\n"
TURKISH = "şehir,satış\nIğdır,1\nÇorum,2\n"


def seen(tmp_path: Path, content: bytes) -> dict[str, object]:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    return looked(str(path), str(tmp_path))


@pytest.mark.parametrize(
    ("content", "names", "first"),
    [
        (b"a,b\n1,x\n2,y\n", ["a", "b"], ["1", "x"]),
        (b"a;b\n1,5;x\n", ["a", "b"], ["1,5", "x"]),
        (b"a,b\n=cmd|' /C calc'!A0,+1\n", ["a", "b"], ["=cmd|' /C calc'!A0", "+1"]),
        (b"a,<b>\n<script>alert(1)</script>,1\n", ["a", "<b>"], ["<script>alert(1)</script>", "1"]),
        (b'a,b\n"two\nlines",1\n', ["a", "b"], ["two\nlines", "1"]),
        (b"a,b\n5'11\",1\n", ["a", "b"], ["5'11\"", "1"]),
        (b"a,b\rx,1\r", ["a", "b"], ["x", "1"]),
        (b"a,b\n,NA\nx,1\n", ["a", "b"], [None, None]),
        (TURKISH.encode(), ["şehir", "satış"], ["Iğdır", "1"]),
        (TURKISH.encode("utf-8-sig"), ["şehir", "satış"], ["Iğdır", "1"]),
        (TURKISH.encode("cp1254"), ["şehir", "satış"], ["Iğdır", "1"]),
        (TURKISH.encode("utf-16"), ["şehir", "satış"], ["Iğdır", "1"]),
        (gzip.compress(b"a,b\n1,x\n", mtime=0), ["a", "b"], ["1", "x"]),
    ],
)
def test_the_first_rows_are_shown_as_they_stand(
    tmp_path: Path, content: bytes, names: list[str], first: list[str | None]
) -> None:
    found = seen(tmp_path, content)
    assert [each["name"] for each in found["columns"]] == names  # type: ignore[attr-defined]
    assert found["first"][0] == first  # type: ignore[index]
    assert found["complete"]


def test_a_thousand_columns_are_seen(tmp_path: Path) -> None:
    assert len(seen(tmp_path, WIDE.encode())["columns"]) == 1000  # type: ignore[arg-type]


def test_a_cell_of_two_megabytes_is_cut(tmp_path: Path) -> None:
    cell = seen(tmp_path, LONG.encode())["first"][0][1]  # type: ignore[index]
    assert len(cell) == LONGEST_CELL


@pytest.mark.thorough
def test_of_a_large_file_whole_rows_of_a_part_are_seen(tmp_path: Path) -> None:
    found = seen(tmp_path, b"a,b\n" + b'1,"x\ny"\n' * 150_000)
    assert not found["complete"]
    assert 100_000 < found["rows"] < 150_000  # type: ignore[operator]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "it is empty"),
        (b"\n\n", "it is empty"),
        (b"a\n1\n", "one column only"),
        (b"a,a\n1,2\n", "two columns named 'a'"),
        (b"a,\n1,2\n", "column 2 has no name"),
        (b"a,b\n1,2\n1,2,3\n", "line 3 has 3 cells where the header has 2"),
        (b'a,b\n"1,2\n', "opens a quote that is not closed"),
        (b"\x89PNG\r\n", "a PNG picture"),
        (b"PK\x03\x04...", "an Excel workbook"),
        (b"a,b\n1,\x00\n", "a NUL byte"),
        (gzip.compress(b"a,b\n1,2\n" * 1000, mtime=0)[:-20], "damaged or was cut off"),
        (gzip.compress(b"a" * 40_000_000, 1, mtime=0), "line 1 is longer than"),
    ],
)
def test_what_is_no_table_is_told_in_a_sentence(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        seen(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "headless"), [(b"1,2.5\n3,4.5\n", True), (b"year,2019\n1,2\n", False)]
)
def test_a_first_line_of_numbers_is_told(tmp_path: Path, content: bytes, headless: bool) -> None:
    assert seen(tmp_path, content)["headless"] is headless


@pytest.mark.e2e
def test_a_process_of_its_own_looks_and_validates(tmp_path: Path) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path / "home")})
    path = tmp_path / "rows.csv"
    path.write_text("id,x,y\n" + "".join(f"{n},{n % 7},{n % 2}\n" for n in range(40)), "utf-8")
    found = findings(settings, str(path), "y")
    assert (found.complete, found.rows) == (True, 40)
    assert [each.column for each in found.found if each.level == "warning"] == ["id"]
    with pytest.raises(UsageError, match="there is no such file: did you mean rows.csv"):
        preview(settings, str(tmp_path / "rowz.csv"))
    with pytest.raises(UsageError, match="^ftp://h/rows.csv cannot be reached: supported are"):
        preview(settings, "ftp://h/rows.csv")


def test_what_the_process_prints_is_a_preview(tmp_path: Path) -> None:
    value = json.loads(json.dumps(seen(tmp_path, b"a,b\n1,x\n")))
    assert Preview.from_json(value).columns[1] == Column("b", "text", 0, 1)


@pytest.mark.parametrize(
    ("uri", "pictures"), [("a.zip", True), ("keras://cifar10", True), ("a.csv.gz", False)]
)
def test_pictures_are_known_by_their_ending(uri: str, pictures: bool) -> None:
    assert are_pictures(uri) is pictures


def test_pictures_are_shown_by_class_and_small(tmp_path: Path) -> None:
    path = packed(tmp_path, collection(each=9, size=(40, 200)))
    found = looked(str(path), str(tmp_path), task="image")
    assert [tuple(each) for each in found["classes"]] == [
        ("blue", 9, 0),
        ("green", 9, 0),
        ("red", 9, 0),
    ]
    assert [label for label, _ in found["shown"]] == ["blue"] * 4 + ["green"] * 4 + ["red"] * 4
    _, uri = found["shown"][0]
    small = Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,"))))
    assert (small.size, small.format) == ((96, 19), "PNG")


def test_a_broken_picture_is_named_and_the_others_are_shown(tmp_path: Path) -> None:
    files = {**collection(each=2), "blue/0.png": b"no picture", "<b>/x.png": b""}
    found = looked(str(packed(tmp_path, files)), str(tmp_path), task="image")
    assert {label for label, _ in found["shown"]} == {"blue", "green", "red"}
    assert [sentence.partition(" ")[0] for sentence in found["broken"]] == [
        "'<b>/x.png'",
        "'blue/0.png'",
    ]


NO_PICTURES = [
    ({"a/1.png": b"x", "b/1.png": b"y"}, "none of the pictures that were tried can be read"),
    ({"1.txt": b"x"}, "it holds no picture"),
    ({"../a/1.png": b"x"}, "leaves the folder"),
    ({"one/1.png": b"x"}, "class"),
]


@pytest.mark.parametrize(("files", "said"), NO_PICTURES)
def test_what_no_run_could_learn_from_is_told_before_it(
    tmp_path: Path, files: dict[str, bytes], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        looked(str(packed(tmp_path, files)), str(tmp_path), task="image")


@pytest.mark.e2e
def test_pictures_are_looked_at_by_a_process_of_its_own(tmp_path: Path) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    found = pictures(settings, str(packed(tmp_path, collection(each=2))))
    assert found and (found.rows, found.test_rows, len(found.shown)) == (6, 0, 6)
    assert pictures(settings, "gs://bucket/pictures.zip") is None
    assert pictures(settings, "keras://cifar10") is None
    with pytest.raises(UsageError, match="there is no such file"):
        pictures(settings, str(tmp_path / "none.zip"))


def packed(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "pictures.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path
