"""The sha256 of data, made without a table of it, is the one that ingest records."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from components.errors import DataError
from components.ingest import digest, image_step, step
from tests.components.pictures import cifar_python, collection, folder, tarred, zipped

HEAD = "age,town,label\n"
ROWS = "".join(f"{n},Ankara,{'yes' if n % 2 else 'no'}\n" for n in range(60))


def plain(place: Path) -> str:
    (place / "a.csv").write_text(HEAD + ROWS)
    return str(place / "a.csv")


def other_encoding(place: Path) -> str:
    (place / "a.csv").write_bytes((HEAD + ROWS).replace("Ankara", "İzmir").encode("utf-16"))
    return str(place / "a.csv")


def packed(place: Path) -> str:
    (place / "a.csv.gz").write_bytes(gzip.compress((HEAD + ROWS).encode()))
    return (place / "a.csv.gz").as_uri()


def several(place: Path) -> str:
    for name in ("b.csv", "a.csv"):
        (place / name).write_text(HEAD + ROWS)
    (place / "notes.txt").write_text("no table")
    return str(place)


def pattern(place: Path) -> str:
    return f"{several(place)}/*.csv"


@pytest.mark.parametrize("made", [plain, other_encoding, packed, several, pattern])
def test_of_tables(tmp_path: Path, made: Callable[[Path], str]) -> None:
    uri = made(tmp_path)
    recorded = step.run(uri, step.Request("label"), tmp_path / "table")["sha256"]
    assert digest.of_table(uri, tmp_path / "scratch") == recorded


@pytest.mark.parametrize("made", [zipped, folder, tarred])
def test_of_pictures(tmp_path: Path, made: Callable[..., Path]) -> None:
    uri = str(made(tmp_path / "p", cifar_python() if made is tarred else collection()))
    recorded = image_step.run(uri, image_step.Request(), tmp_path / "images")["sha256"]
    assert digest.of_pictures(uri, tmp_path / "scratch") == recorded


def test_the_mark_is_another_one_once_a_file_was_written(tmp_path: Path) -> None:
    for uri in (several(tmp_path), pattern(tmp_path), plain(tmp_path)):
        before = digest.mark(uri)
        assert before == digest.mark(uri)
        os.utime(tmp_path / "a.csv", (1e9, 1e9))
        assert digest.mark(uri) != before
        (tmp_path / "a.csv").write_text(HEAD)
    assert digest.mark("s3://bucket/rows.csv") is digest.mark("keras://mnist") is None


def test_what_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    assert digest.mark(str(tmp_path / "none.csv")) == ()
    for of in (digest.of_table, digest.of_pictures):
        with pytest.raises(DataError, match=r"none.csv: there is no such file"):
            of(str(tmp_path / "none.csv"), tmp_path)
    assert digest.of_pictures("keras://mnist", tmp_path) == ""
