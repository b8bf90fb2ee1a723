"""Decision cards in Turkish: what is known on cards only, `texts/documents/*.toml`.

A head of a table or a label is one word, which may be the name of somebody's column elsewhere:
these words are said in Turkish where a card has them, never within a sentence.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from console.texts import Texts


@cache
def words() -> Mapping[str, str]:
    """Return the words of cards, English to Turkish."""
    found: dict[str, str] = {}
    for path in sorted((Path(__file__).parent / "documents").glob("*.toml")):
        said = tomllib.loads(path.read_text(encoding="utf-8"))["said"]
        found |= {each["en"]: each["tr"] for each in said}
    return found


def teller(texts: Texts) -> Callable[[str], str]:
    """Return what says the words and sentences of a card in a language; others as they are."""
    if texts.language == "en":
        return str
    return lambda said: words().get(said) or texts.percents(texts.told(said).text)
