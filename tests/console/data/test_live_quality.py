"""What labels that came later say of a service, as its page shows it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from console.data.live_quality import Live, Quality, live
from console.data.watched import Watched
from serving.feedback.book import Book, Bounds
from serving.feedback.books import place
from serving.feedback.truths import Labelled, Predicted
from serving.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_env({"KANARYA_HOME": str(tmp_path)})


def test_a_service_that_nobody_labelled_has_nothing_to_show(settings: Settings) -> None:
    assert live(settings, "iris") == Live(window="last 30 days")
    assert not (settings.home / "feedback").exists()  # looking makes nothing


def test_every_version_is_told_with_its_interval_the_newest_first(settings: Settings) -> None:
    book, now = Book(place(settings.home / "feedback", "default", "iris"), Bounds()), time.time()
    rows = [("a", "1"), ("b", "1"), ("c", "2"), ("d", "10")]
    book.predicted([Predicted(id_, 0, now, version, "x") for id_, version in rows], now)
    labels = [Labelled("a", 0, "x"), Labelled("b", 0, "y"), Labelled("c", 0, "x")]
    book.labelled([*labels, Labelled("nobody", 0, "x")], now)
    book.close()
    found = live(settings, "iris")
    assert found.qualities == (
        Quality("10", "", "", 0, 1),
        Quality("2", "accuracy", "100.0% (20.7% to 100.0%)", 1, 1),
        Quality("1", "accuracy", "50.0% (9.5% to 90.5%)", 2, 2),
    )
    assert (found.waiting, found.trouble) == (1, "")


def test_labels_that_cannot_be_read_are_a_sentence(settings: Settings) -> None:
    file = place(settings.home / "feedback", "default", "iris")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no database" * 100)
    found = live(settings, "iris")
    assert (found.watched, found.qualities) == (Watched(), ())
    assert "cannot be read or written" in found.trouble
