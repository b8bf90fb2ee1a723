"""The format of a home: none or an older one is opened, a newer one is refused in one sentence."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from serving import home
from serving.errors import UsageError
from serving.settings import Settings


def settings(place: Path) -> Settings:
    return Settings.from_env({"KANARYA_HOME": str(place)})


def test_a_home_without_a_mark_and_a_marked_one_are_opened(tmp_path: Path) -> None:
    assert settings(tmp_path / "none").home == tmp_path / "none"
    home.mark(tmp_path)
    home.mark(tmp_path)
    assert settings(tmp_path).home == tmp_path
    assert (tmp_path / "format.json").read_text() == '{"format": 1}\n'


REFUSED = {
    "a newer one": ('{"format": 2}', "was written by a newer Kanarya (format 2, this one reads 1)"),
    "no JSON": ("rubbish", "does not say a format ('rubbish')"),
    "no number": ('{"format": null}', "does not say a format"),
    "another object": ("[]", "does not say a format"),
}


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_known_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "format.json").write_text(text)
    with pytest.raises(UsageError) as refused:
        settings(tmp_path)
    assert sentence in str(refused.value)


def test_a_database_is_marked_once_and_a_newer_one_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as database:
        home.require_schema(database, tmp_path / "a.db", 3)
        home.require_schema(database, tmp_path / "a.db", 3)
        with pytest.raises(UsageError, match=r"a.db was written by a newer Kanarya \(format 3"):
            home.require_schema(database, tmp_path / "a.db", 2)
