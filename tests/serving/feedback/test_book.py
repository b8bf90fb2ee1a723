"""Labels meet their predictions in whichever order they come, and what was taken is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.errors import PlatformError
from serving.feedback.book import Book, BookFull, Bounds
from serving.feedback.performance import Interval, VersionPerformance
from serving.feedback.truths import Labelled
from serving.intervals import wilson
from tests.serving.feedback.collecting import DAY_S, NOW, predicted

HOUR_S = 3600.0


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    opened = Book(tmp_path / "ml" / "iris.db", Bounds(retention_h=24, rows=100))
    yield opened
    opened.close()


def versions(book: Book, now: float = NOW) -> dict[str, VersionPerformance]:
    return dict(book.performance("iris", DAY_S, now).versions)


def accuracy(book: Book, version: str = "1") -> tuple[int, float | None]:
    found = versions(book).get(version)
    metric = found.metrics.get("accuracy") if found else None
    return (found.labels if found else 0), (metric.value if metric else None)


def test_a_label_meets_its_prediction_in_whichever_order_they_come(book: Book) -> None:
    book.predicted([predicted("a", "x"), predicted("b", "x")], NOW)
    assert book.labelled([Labelled("a", 0, "x"), Labelled("c", 0, "y")], NOW) == 1
    assert accuracy(book) == (1, 1.0)
    book.predicted([predicted("c", "x")], NOW)
    assert accuracy(book) == (2, 0.5)
    assert book.performance("iris", DAY_S, NOW).waiting == 0


def test_every_version_has_its_own_share_and_wilsons_interval(book: Book) -> None:
    book.predicted([predicted(f"a{i}", "x", version="9") for i in range(10)], NOW)
    book.predicted([predicted(f"b{i}", "x", version="10") for i in range(4)], NOW)
    book.labelled([Labelled(f"a{i}", 0, "x" if i else "y") for i in range(8)], NOW)
    book.labelled([Labelled("b0", 0, "y")], NOW)
    found = versions(book)
    assert list(found) == ["9", "10"]
    assert found["9"] == VersionPerformance(10, 8, {"accuracy": Interval(7 / 8, *wilson(7, 8))})
    assert (found["10"].predictions, found["10"].labels) == (4, 1)


def test_of_numbers_the_errors_are_told_with_students_interval(book: Book) -> None:
    book.predicted([predicted(str(i), 10.0) for i in range(3)], NOW)
    book.labelled([Labelled("0", 0, 11.0)], NOW)
    alone = versions(book)["1"].metrics["mae"]
    assert alone == Interval(1.0, 0.0, float("inf"))
    book.labelled([Labelled("1", 0, 7.0), Labelled("2", 0, 10.0)], NOW)
    metrics = versions(book)["1"].metrics
    assert metrics["mae"].value == pytest.approx(4 / 3)
    assert metrics["rmse"].value == pytest.approx((10 / 3) ** 0.5)
    assert metrics["mae"].low == 0.0
    assert metrics["mae"].high == pytest.approx(4 / 3 + 4.30265 * (7 / 3 / 3) ** 0.5, rel=1e-4)


@pytest.mark.parametrize(
    ("second", "labels", "right"),
    [
        ("x", 1, 1.0),
        ("y", 1, 0.0),
    ],
)
def test_a_label_that_is_sent_again_takes_the_place_of_the_first(
    book: Book, second: str, labels: int, right: float
) -> None:
    book.predicted([predicted("a", "x")], NOW)
    book.labelled([Labelled("a", 0, "y")], NOW)
    book.labelled([Labelled("a", 0, second)], NOW)
    assert accuracy(book) == (labels, right)


def test_of_two_revisions_that_were_asked_the_later_one_answered(book: Book) -> None:
    book.predicted([predicted("a", "x", version="2", at=NOW + 1)], NOW)
    book.predicted([predicted("a", "y", version="1", at=NOW)], NOW)
    book.labelled([Labelled("a", 0, "x")], NOW + 2)
    assert accuracy(book, "2") == (1, 1.0)
    assert accuracy(book, "1") == (0, None)


def test_an_id_that_is_used_again_does_not_get_an_old_label(book: Book) -> None:
    book.labelled([Labelled("a", 0, "x")], NOW)
    book.predicted([predicted("a", "y", at=NOW + HOUR_S)], NOW + HOUR_S)
    assert book.performance("iris", DAY_S, NOW + HOUR_S).waiting == 1


def test_rows_of_one_request_are_told_apart(book: Book) -> None:
    book.predicted([predicted("a", "x", row=0), predicted("a", "y", row=1)], NOW)
    assert book.labelled([Labelled("a", 1, "y"), Labelled("a", 7, "y")], NOW) == 1
    assert accuracy(book) == (1, 1.0)


def test_predictions_are_bounded_and_what_was_joined_outlives_them(book: Book) -> None:
    book.predicted([predicted("first", "x", at=NOW - 1)], NOW)
    book.labelled([Labelled("first", 0, "x")], NOW)
    book.predicted([predicted(f"a{i}", "x") for i in range(300)], NOW)
    found = versions(book)["1"]
    assert (found.predictions, found.labels) == (100, 1)


def test_labels_are_refused_rather_than_forgotten_where_there_is_no_room(book: Book) -> None:
    book.labelled([Labelled(f"a{i}", 0, "x") for i in range(100)], NOW)
    with pytest.raises(BookFull, match="has 100 labels, and 100 are kept at most"):
        book.labelled([Labelled("b", 0, "x")], NOW)
    later = NOW + 25 * HOUR_S
    assert book.labelled([Labelled("b", 0, "x")], later) == 0
    assert book.performance("iris", DAY_S, later).waiting == 1


def test_everything_is_forgotten_after_its_time(book: Book, tmp_path: Path) -> None:
    book.predicted([predicted("a", "x")], NOW)
    book.labelled([Labelled("a", 0, "x")], NOW)
    book.predicted([], NOW + 25 * HOUR_S)
    assert versions(book, NOW + 25 * HOUR_S) == {}
    rows = sqlite3.connect(tmp_path / "ml" / "iris.db").execute("SELECT * FROM labels").fetchall()
    assert rows == []


def test_another_process_that_opens_the_file_finds_all_that_was_acknowledged(
    book: Book, tmp_path: Path
) -> None:
    book.predicted([predicted("a", "x")], NOW)
    book.labelled([Labelled("a", 0, "x")], NOW)
    other = Book(tmp_path / "ml" / "iris.db", Bounds())
    assert accuracy(other) == (1, 1.0)
    other.close()


@pytest.mark.parametrize("what", ["damaged", "newer"])
def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(tmp_path: Path, what: str) -> None:
    path = tmp_path / "iris.db"
    if what == "damaged":
        path.write_bytes(b"no database" * 100)
    else:
        sqlite3.connect(path).execute("PRAGMA user_version = 99").connection.close()
    with pytest.raises(PlatformError, match="move the file away|use that release"):
        Book(path, Bounds())
