"""What is wrong with pictures: findings with numbers, errors that stop, a page that shows some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components import image_dataset
from components.errors import FindingsError
from components.image_dataset import ImageSchema
from components.split import image_step as splitting
from components.split.rules import Choice
from components.validate import image_step
from tests.components.pictures import COLOURS, shade

TONES = tuple(COLOURS.values())


def images(directory: Path, classes: list[int], test_rows: int = 0, **same: int) -> Path:
    """Write an artifact whose pictures all differ, but for those in `same` (row: like row)."""
    made = np.array([shade(TONES[k], row) for row, k in enumerate(classes)])
    for row, other in same.items():
        made[int(row.removeprefix("row"))] = 7 if other < 0 else made[other]
    schema = ImageSchema(tuple(COLOURS), 12, 12, 3, len(made), "0" * 64, "<pets>.zip", test_rows)
    directory.mkdir()
    image_dataset.room(directory, len(made), (12, 12, 3))[:] = made
    names = [f"{row}.png" for row in range(len(made))]
    image_dataset.finish(directory, schema, np.array(classes), names)
    return directory


EVEN = [0, 1, 2] * 4


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"classes": EVEN}, []),
        ({"classes": EVEN, "test_rows": 3, "row11": 0}, [("warning", "1 of 3 test pictures are")]),
        (
            {"classes": [0] * 40 + [1] * 4 + [2] * 40},
            [("warning", "'red' has 10.0 times as many")],
        ),
        (
            {"classes": EVEN, "row4": 1},
            [("warning", "with the pixels of one before them: 1 (8.3%)")],
        ),
        ({"classes": EVEN, "row4": -1}, [("warning", "of one colour all over: 1;")]),
    ],
)
def test_a_finding_has_its_numbers(
    tmp_path: Path, given: dict[str, object], found: list[tuple[str, str]]
) -> None:
    source = images(tmp_path / "images", **given)  # type: ignore[arg-type]
    said = image_step.run(source, tmp_path / "report.html", tmp_path / "findings")
    assert [finding.level for finding in said] == [level for level, _ in found]
    assert all(words in finding.sentence for finding, (_, words) in zip(said, found, strict=True))
    page = (tmp_path / "report.html").read_text()
    assert "&lt;pets&gt;.zip" in page
    assert "data:image/png" in page


def test_a_class_that_cannot_be_split_stops_the_run(tmp_path: Path) -> None:
    source = images(tmp_path / "images", [0, 0, 1, 1, 2])
    with pytest.raises(FindingsError, match="Of 'red' there are fewer than 2 pictures"):
        image_step.run(source, tmp_path / "report.html", tmp_path / "findings")
    assert (tmp_path / "findings" / "findings.json").is_file()


@pytest.mark.parametrize(("own", "tested"), [(3, [9, 10, 11]), (0, None)])
def test_the_own_test_part_is_taken_where_there_is_one(
    tmp_path: Path, own: int, tested: list[int] | None
) -> None:
    source = images(tmp_path / "images", EVEN, own)
    parts = splitting.run(source, Choice(0.25, 1), tmp_path / "train", tmp_path / "test")
    assert (parts.train["rows"], parts.test["rows"]) == (9, 3)
    train, test = (image_dataset.read(tmp_path / name) for name in ("train", "test"))
    names = [int(Path(name).stem) for name in test.names]
    assert tested is None or names == tested
    assert sorted(test.classes.tolist()) == [0, 1, 2]
    assert {*train.names} | {*test.names} == {f"{row}.png" for row in range(12)}
    whole = image_dataset.read(source)
    np.testing.assert_array_equal(test.pixels, whole.pixels[names])


@pytest.mark.parametrize(("same", "overlap"), [({}, 0), ({"row10": 0, "row11": 0, "row5": 1}, 2)])
def test_test_pictures_that_are_trained_on_are_counted(
    tmp_path: Path, same: dict[str, int], overlap: int
) -> None:
    source = images(tmp_path / "images", EVEN, 3, **same)
    splitting.run(source, Choice(0.25, 1), tmp_path / "train", tmp_path / "test")
    assert splitting.overlap(tmp_path / "train", tmp_path / "test") == overlap


@pytest.mark.parametrize("file", ["images.npy", "classes.npy", "names.json", "schema.json"])
def test_a_damaged_artifact_is_one_sentence(tmp_path: Path, file: str) -> None:
    source = images(tmp_path / "images", EVEN)
    (source / file).write_bytes((source / file).read_bytes()[:-20])
    with pytest.raises(image_dataset.UnreadableError, match="cannot be read"):
        image_dataset.read(source)
