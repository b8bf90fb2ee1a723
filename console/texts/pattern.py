"""A pattern of sentences: fixed words with places between them, in English and in Turkish.

{name}    any text            {name:n}    a number            {name:w}    a word, no space in it
{name:p}    percents       {name:m}    a metric           {name:t}    a time with its unit
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from string import Formatter

SENTENCES = ("; ", ". ")
"""What stands between whole sentences."""
NUMBER = re.compile(r"[-+]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?(e[-+]?\d+)?")
_KINDS = {
    "n": NUMBER,
    "t": re.compile(r"[\d.e+]+ (s|min|h|days)"),
    "p": re.compile(r"[-+]?[\d.,]+ ?%"),
    "w": re.compile(r"\S*[^\s:]|'[^']*'|\"[^\"]*\""),
    "m": re.compile(r"[a-z]\w*_\w+|accuracy|loss|rmse|mae|mape|r2|brier|ece"),
    "": re.compile(r".+", re.DOTALL),
}
_PLACE = re.compile(r"(?:(?!: ).)+", re.DOTALL)
"""What names a file or a column has no sentence before it."""
_PLACES = frozenset({"path", "name", "uri", "folder", "column", "place"})
_WORD = re.compile(r"[A-Za-z]+")


def words_of(said: str) -> set[str]:
    """Return the words of a sentence."""
    return set(_WORD.findall(said))


def _form(name: str, kind: str) -> re.Pattern[str]:
    return _PLACE if name in _PLACES and not kind else _KINDS[kind]


@dataclass(frozen=True)
class Pattern:
    """`words[0] place[0] words[1] place[1] ... words[-1]`, and how that is said in Turkish."""

    words: tuple[str, ...]
    places: tuple[tuple[str, str], ...]
    turkish: str

    @classmethod
    def of(cls, english: str, turkish: str) -> Pattern:
        """Return the pattern of a sentence. Raises ValueError where two places touch."""
        words, places = [""], []
        for literal, name, kind, _ in Formatter().parse(english):
            words[-1] += literal
            if name is not None:
                places.append((name, kind or ""))
                words.append("")
        if "" in words[1:-1]:
            raise ValueError(f"{english!r} has two places without a word between them")
        return cls(tuple(words), tuple(places), turkish)

    @cached_property
    def weight(self) -> int:
        """Return how many signs are fixed: what fixes more says more of a sentence."""
        return sum(map(len, self.words))

    @cached_property
    def is_long(self) -> bool:
        """Say whether it goes over several sentences."""
        return any(joint in word for word in self.words for joint in SENTENCES)

    @cached_property
    def sign(self) -> str:
        """Return the longest whole word of those that are fixed, "" where no place leaves one."""
        text = "\0".join(self.words)
        whole = re.findall(r"(?<![A-Za-z\0])[A-Za-z]+(?![A-Za-z\0])", text)
        return max(whole, key=len, default="")

    def found(self, said: str) -> Mapping[str, str] | None:
        """Return what stands in the places of a sentence; None where it is of another pattern.

        Each fixed word is looked for once, from the left, so no sentence takes long.
        """
        first, last = self.words[0], self.words[-1]
        if not self.places:
            return {} if said == first else None
        if not (said.startswith(first) and said.endswith(last)):
            return None
        at, end, found = len(first), len(said) - len(last), {}
        ends = (*self.words[1:-1], "")
        for (name, kind), after in zip(self.places, ends, strict=True):
            to = said.find(after, at + 1, end) if after else end
            if to <= at or not _form(name, kind).fullmatch(said, at, to):
                return None
            found[name], at = said[at:to], to + len(after)
        return found
