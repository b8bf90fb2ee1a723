"""Which pictures there are, of which class, and which are for testing: names in, a list out.

What is understood: a folder for each class, `<class>/<picture>`, or the same below folders that
name a part, `train/<class>/<picture>` and `test/<class>/<picture>`; anything may lie deeper, and
one folder around it all does not matter.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from components.errors import PicturesError

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp"})
TRAIN, TEST, VALIDATION = "train", "test", "validation"
PARTS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("test", "testing"), TEST),
    **dict.fromkeys(("val", "valid", "validation", "eval"), VALIDATION),
}
LAYOUT = "put each picture into a folder that is named as its class"
_OUTSIDE = re.compile(r"^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)")
_LISTED = 3


@dataclass(frozen=True)
class Picture:
    """One picture: its name in the source, its class, and whether it is for testing."""

    name: str
    label: str
    is_test: bool


@dataclass(frozen=True)
class Arrangement:
    """All pictures, those for training first, and the classes in the order of their numbers."""

    labels: tuple[str, ...]
    pictures: tuple[Picture, ...]

    @property
    def test_rows(self) -> int:
        """How many are for testing."""
        return sum(picture.is_test for picture in self.pictures)


def refuse_outside(name: str) -> None:
    """Raise `PicturesError` for a name that leads out of the archive's own folder."""
    if _OUTSIDE.search(name):
        raise PicturesError(f"it holds {name!r}, a path that leaves the folder: pack it anew.")


def is_picture(name: str) -> bool:
    """Say whether a file is taken for a picture: by its suffix, and not hidden."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden


def arranged(names: Iterable[str]) -> Arrangement:
    """Return the pictures among these files with their classes.

    Raises `PicturesError` where there are none, where one lies in no folder, and for fewer than
    two classes.
    """
    files = list(names)
    found = {name: PurePosixPath(name).parts for name in files if is_picture(name)}
    if not found:
        raise PicturesError(
            f"it holds no picture ({_count(len(files), 'other file')}): known are files that end "
            f"in {', '.join(sorted(SUFFIXES))}."
        )
    paths = _without_common(found)
    part_of = _parts(paths)
    pictures = [_picture(name, path, part_of) for name, path in paths.items()]
    pictures.sort(key=lambda picture: (picture.is_test, _order(picture.label), picture.name))
    labels = tuple(sorted({picture.label for picture in pictures}, key=_order))
    _refuse_labels(labels, pictures)
    return Arrangement(labels, tuple(pictures))


def _without_common(paths: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return the paths without the folders around all classes."""
    firsts = {path[0] for path in paths.values()}
    while len(firsts) == 1 and not firsts & PARTS.keys() and min(map(len, paths.values())) > 2:
        paths = {name: path[1:] for name, path in paths.items()}
        firsts = {path[0] for path in paths.values()}
    return paths


def _parts(paths: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Return which first folders name a part, and which part; none unless all do."""
    firsts = {path[0]: PARTS.get(path[0].casefold(), "") for path in paths.values()}
    if not all(firsts.values()) or min(map(len, paths.values())) < 3:
        return {}
    if TRAIN not in firsts.values():
        raise PicturesError(
            f"it has the part {' and '.join(sorted(firsts))} but none to train on: name its "
            "folder 'train'."
        )
    # What is for validation is for testing where nothing else is, else it is trained on.
    other = TRAIN if TEST in firsts.values() else TEST
    return {first: other if part == VALIDATION else part for first, part in firsts.items()}


def _picture(name: str, path: tuple[str, ...], part_of: dict[str, str]) -> Picture:
    folders = path[1:-1] if part_of else path[:-1]
    if not folders:
        raise PicturesError(f"the picture {name!r} lies in no folder of a class: {LAYOUT}.")
    # A Mac writes ü as two characters, others as one.
    label = unicodedata.normalize("NFC", folders[0])
    if any("\ud800" <= letter <= "\udfff" for letter in label):
        raise PicturesError(f"the name of the folder {label!r} is not UTF-8: rename it.")
    return Picture(name, label, part_of.get(path[0]) == TEST)


def _order(label: str) -> tuple[int, int, str]:
    """Return the place of a label: numbers by their value, then words."""
    whole = label.isascii() and label.isdigit() and len(label) < 10
    return (0, int(label), label) if whole else (1, 0, label)


def _refuse_labels(labels: Sequence[str], pictures: Sequence[Picture]) -> None:
    refuse_few(labels, len(pictures))
    known = Counter(picture.label for picture in pictures if not picture.is_test)
    strange = [label for label in labels if label not in known]
    if strange:
        more = ", …" if len(strange) > _LISTED else ""
        raise PicturesError(
            f"it has {', '.join(map(repr, strange[:_LISTED]))}{more} in the test part only: a "
            "class needs pictures to train on."
        )


def refuse_few(labels: Sequence[str], rows: int) -> None:
    """Raise `PicturesError` where there are not two classes to tell apart."""
    if len(labels) < 2:
        only = f"only one class, {labels[0]!r}" if labels else "no class"
        raise PicturesError(
            f"it has {only} ({_count(rows, 'picture')}), and telling apart takes two: {LAYOUT}."
        )


@dataclass(frozen=True)
class Fault:
    """Why a picture cannot be taken; `is_size`: its size is not that of the rest."""

    name: str
    reason: str
    is_size: bool = False


def refuse_faults(faults: Sequence[Fault], rows: int) -> None:
    """Raise `PicturesError` with the first faults and how many there are."""
    if not faults:
        return
    broken = [fault for fault in faults if not fault.is_size]
    shown = broken or faults
    first = "; ".join(f"{fault.name!r} {fault.reason}" for fault in shown[:_LISTED])
    more = ", …" if len(shown) > _LISTED else ""
    remedy = (
        "replace or delete them"
        if broken
        else "give them one size, or say with data.image_size: [height, width] to which they are "
        "to be resized"
    )
    raise PicturesError(
        f"{len(shown):,} of {_count(rows, 'picture')} cannot be used ({first}{more}): {remedy}."
    )


def told(rows: int, labels: Sequence[str], shape: tuple[int, int, int]) -> str:
    """Return what was read, in one line."""
    size = " x ".join(map(str, shape))
    return f"{rows} pictures of {size} in {len(labels)} classes"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
