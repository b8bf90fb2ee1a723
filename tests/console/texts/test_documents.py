"""Decision cards in Turkish: nothing on them stays English but names and what others said."""

from __future__ import annotations

import re

import pytest

from console.data.decisions import page
from console.texts import Texts, documents
from serving.pages.page import html
from serving.rollout.card.build import card
from tests.serving.pages.pages import read
from tests.serving.rollout.card.decisions import STAGES, decided

WORD = re.compile(r"[A-Za-z]{2,}")
UNITS = re.compile(r"[\d.]+ ms|[-\d]{10} [:\d]{8} UTC")
NAMES = frozenset(
    {
        *("Model", "ONNX Runtime", "sha256"),  # the same in Turkish
        *("accuracy", "floor", "random_forest", "benign, malignant"),
        *("ada@laptop", "run-1", "run-2"),
        "Column 'deck' is missing in 688 rows.",  # made up for the test
    }
)


@pytest.mark.parametrize("stage", STAGES)
def test_a_card_is_turkish_to_its_last_word(stage: str) -> None:
    english: list[str] = []
    texts = Texts("tr")
    say = documents.teller(texts)

    def heard(said: str) -> str:
        told = say(said)
        same = told in (said, texts.percents(said))
        if same and WORD.search(UNITS.sub("", said)) and said not in NAMES:
            english.append(said)
        return told

    read(html(card(decided(stage)), "tr", heard))
    assert sorted(set(english)) == []


def test_a_card_is_in_the_language_of_whoever_looks() -> None:
    english, turkish = (page(decided("promoted"), Texts(name)) for name in ("en", "tr"))
    assert english == html(card(decided("promoted")))
    assert '<html lang="tr">' in turkish
    assert "How it went" in english and "How it went" not in turkish
    assert "<h2>Nasıl gitti</h2>" in turkish and "%10" in turkish
