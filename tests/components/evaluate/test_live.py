"""The champion's labels of this home, beside its scores on the test rows."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from components.evaluate.live import with_live
from components.evaluation import ChampionScores
from serving.feedback.book import Book, Bounds
from serving.feedback.truths import Labelled, Predicted

SCORES = ChampionScores("3", {"accuracy": 0.9}, 0.9)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("KUBECONFIG", "KANARYA_NAMESPACE", "KANARYA_FEEDBACK_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KANARYA_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("version", "labels"), [("3", 1), ("2", None)])
def test_labels_of_that_very_version_are_told(home: Path, version: str, labels: int | None) -> None:
    book, now = Book(home / "feedback" / "default" / "iris.db", Bounds()), time.time()
    book.predicted([Predicted("a", 0, now, version, "x")], now)
    book.labelled([Labelled("a", 0, "x")], now)
    book.close()
    found = with_live(SCORES, "iris").live
    assert (found and found["labels"]) == labels


@pytest.mark.parametrize("kept", [None, b"no database" * 100], ids=["nothing", "damaged"])
def test_without_labels_the_scores_are_what_they_were(home: Path, kept: bytes | None) -> None:
    if kept:
        (home / "feedback" / "default").mkdir(parents=True)
        (home / "feedback" / "default" / "iris.db").write_bytes(kept)
    assert with_live(SCORES, "iris") == SCORES
