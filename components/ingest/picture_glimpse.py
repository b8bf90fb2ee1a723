"""What pictures there are before a run: how many of which class, and a few of them, small."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from components.errors import DataError, PicturesError
from components.ingest import image_rules, picture_sources
from components.ingest.image_rules import Arrangement, Picture
from components.ingest.picture_sources import Files
from components.picture_files import BrokenError, thumbnail

SHOWN, SIDE = 12, 96
"""So many pictures are shown, and so many pixels is their longer side."""
TRIED = 3
"""Pictures of a class that are tried until one can be decoded."""


@dataclass(frozen=True)
class Thumbnail:
    """One picture of a class; `png`: its bytes, small."""

    label: str
    png: bytes


@dataclass(frozen=True)
class Glimpse:
    """The classes with their pictures for training and for testing, and some of them.

    `broken`: what is wrong with pictures that were to be shown and cannot be decoded.
    """

    classes: tuple[tuple[str, int, int], ...]
    shown: tuple[Thumbnail, ...]
    broken: tuple[str, ...] = ()


def glimpse(path: Path) -> Glimpse:
    """Return what a zip or a folder holds. Raises DataError with what a run would refuse."""
    with picture_sources.opened(path) as files:
        found = image_rules.arranged(files.names)
        shown, broken = _shown(files, found)
    if not shown:
        raise PicturesError(f"none of the pictures that were tried can be read: {broken[0]}.")
    return Glimpse(tuple(_counted(found)), tuple(shown), tuple(broken))


def _counted(found: Arrangement) -> Iterator[tuple[str, int, int]]:
    counts = Counter((picture.label, picture.is_test) for picture in found.pictures)
    for label in found.labels:
        yield label, counts[label, False], counts[label, True]


def _shown(files: Files, found: Arrangement) -> tuple[list[Thumbnail], list[str]]:
    """Return pictures of as many classes as there is room for, and what cannot be decoded."""
    of_class: dict[str, list[Picture]] = {label: [] for label in found.labels[:SHOWN]}
    each = max(1, SHOWN // len(of_class))
    for picture in found.pictures:
        kept = of_class.get(picture.label)
        if kept is not None and len(kept) < max(each, TRIED):
            kept.append(picture)
    broken: list[str] = []
    shown = [one for some in of_class.values() for one in _some(files, some, each, broken)]
    return shown, broken


def _some(
    files: Files, pictures: Iterable[Picture], most: int, broken: list[str]
) -> Iterator[Thumbnail]:
    return islice(_decoded(files, pictures, broken), most)


def _decoded(files: Files, pictures: Iterable[Picture], broken: list[str]) -> Iterator[Thumbnail]:
    for picture in pictures:
        try:
            yield Thumbnail(picture.label, thumbnail(files.read(picture.name), SIDE))
        except (BrokenError, DataError) as error:
            broken.append(f"{picture.name!r} {error}")
