"""Every sentence of the console, in English and in Turkish: one table a page, `texts/*.toml`.

    ["runs.title"]
    en = "Runs"
    tr = "Çalıştırmalar"

A sentence may have places, `{count}`, which are the same in both languages.
What the engine says, in English, has tables of its own (`console.texts.engine`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from console.texts import engine

LANGUAGES = {"en": "English", "tr": "Türkçe"}
LANGUAGE_COOKIE = "kanarya_language"
UNITS = {"h": "sa", "min": "dk"}
UNIT = re.compile(r"(?<=\d )(h|min)\b")
PERCENT = re.compile(r"(?<![\w/.,-])([-+]?\d[\d.,]*|\{\w+\}) ?%(?!\w)")


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Return every sentence: key to language to text."""
    found: dict[str, Mapping[str, str]] = {}
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        found |= tomllib.loads(path.read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True)
class Told:
    """A sentence, and the language that it is in."""

    text: str
    language: str


@dataclass(frozen=True)
class Texts:
    """The sentences of one language."""

    language: str = "en"

    def say(self, key: str, **places: object) -> str:
        """Return a sentence with its places filled. Raises KeyError for one that there is not."""
        return catalogue()[key][self.language].format_map(places)

    def has(self, key: str) -> bool:
        """Say whether there is such a sentence; words of others (a status) may have none."""
        return key in catalogue()

    def told(self, sentence: str) -> Told:
        """Return a sentence of the engine, in this language where the tables have it."""
        if self.language == "en" or not sentence:
            return Told(sentence, self.language)
        found = engine.turkish(sentence)
        return Told(self.percents(found), self.language) if found else Told(sentence, "en")

    def percents(self, text: str) -> str:
        """Return a text with its percents as this language writes them (Turkish: %12.5)."""
        return PERCENT.sub(r"%\1", text) if self.language == "tr" else text

    def units(self, lasts: str) -> str:
        """Return a duration with the units of this language (Turkish: 2 sa 05 dk)."""
        if self.language != "tr":
            return lasts
        return UNIT.sub(lambda found: UNITS[found[0]], lasts)


def asked_in(cookies: Mapping[str, str], headers: Mapping[str, str]) -> Texts:
    """Return the sentences of the language that a request is made in."""
    return Texts(preferred(cookies.get(LANGUAGE_COOKIE), headers.get("accept-language", "")))


def preferred(chosen: str | None, accepted: str) -> str:
    """Return the language chosen, else the first known one of `Accept-Language`, else English."""
    if chosen in LANGUAGES:
        return chosen
    wishes = []
    for place, wish in enumerate(accepted.split(",")):
        name, _, rest = wish.strip().partition(";")
        wishes.append((-_weight(rest), place, name.lower().split("-")[0]))
    return next((name for _, _, name in sorted(wishes) if name in LANGUAGES), "en")


def _weight(rest: str) -> float:
    try:
        return float(rest.strip().removeprefix("q=") or 1)
    except ValueError:
        return 0.0
