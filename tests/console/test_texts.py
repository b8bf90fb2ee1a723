"""The catalogue: every sentence in both languages, with the same places, and none missing."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from console.texts import LANGUAGES, Texts, catalogue, preferred
from pipelines.alerts.table import RULES

CONSOLE = Path(__file__).resolve().parents[2] / "console"
KEY = re.compile(r'(?:say|has)\(\s*"([a-z_.]+)"')


def test_a_sentence_is_there_in_every_language_with_the_same_places() -> None:
    known = catalogue()
    assert len(known) > 500
    assert not {key: texts for key, texts in known.items() if set(texts) != set(LANGUAGES)}
    assert not {
        key: texts for key, texts in known.items() if not all(map(str.strip, texts.values()))
    }
    assert not {
        key: texts for key, texts in known.items() if len(set(map(_places, texts.values()))) > 1
    }


def test_durations_have_the_units_of_the_language() -> None:
    for said, turkish in (
        ("3.0 s", "3.0 s"),
        ("1 min 05 s", "1 dk 05 s"),
        ("2 h 03 min", "2 sa 03 dk"),
    ):
        assert (Texts("tr").units(said), Texts("en").units(said)) == (turkish, said)


def _places(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)


def test_no_key_stands_in_two_files() -> None:
    lines = [
        line
        for path in (CONSOLE / "texts").glob("*.toml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith('["')
    ]
    assert len(lines) == len(set(lines)) == len(catalogue())


def test_every_sentence_that_is_said_is_in_the_catalogue() -> None:
    said = {path: set(KEY.findall(path.read_text("utf-8"))) for path in CONSOLE.rglob("*.py")}
    assert any(said.values())
    missing = {path: keys - set(catalogue()) for path, keys in said.items()}
    assert not {path: keys for path, keys in missing.items() if keys}


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        (None, "tr-TR,tr;q=0.9,en;q=0.8", "tr"),
        (None, "de, en;q=0.5, tr;q=0.7", "tr"),
        (None, "de-DE", "en"),
        (None, "", "en"),
        (None, "en;q=x, tr;q=0.1", "tr"),
        ("en", "tr", "en"),
        ("klingon", "tr", "tr"),
    ],
)
def test_the_language_is_the_chosen_one_else_the_browsers(
    chosen: str | None, accepted: str, language: str
) -> None:
    assert preferred(chosen, accepted) == language


def test_places_are_filled() -> None:
    assert Texts("tr").say("login.wait", seconds=5).startswith("Çok fazla")
    with pytest.raises(KeyError):
        Texts().say("nothing.like.it")


def test_every_rule_of_alerts_says_what_it_measures() -> None:
    wanted = {f"alerts.signal.{rule.signal.name}" for rule in RULES}
    assert wanted == {key for key in catalogue() if key.startswith("alerts.signal.")}
