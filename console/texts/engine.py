"""What the engine says, in Turkish: patterns of its English sentences, `texts/engine/*.toml`.

    [[said]]
    en = "there is no run {run}; {how}"
    tr = "{run} adlı bir çalıştırma yok; {how}"

What stands in a place is said in Turkish as well where it is a sentence or a phrase of these
tables; names, values, and what other programs say stay as they are. The engine itself goes on in
English: its records, its commands and `/api` are read by programs and by everybody.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path

from console.texts.pattern import NUMBER, SENTENCES, Pattern, words_of

LONGEST = 4000
"""Signs of a sentence that is looked at; a library may have said anything in it."""
JOINTS = {", and ": " ve ", ", ": ", ", " and ": " ve "}
"""What stands between phrases, and what stands there then."""
MOST_PARTS = 20
LARGE = {"i": "İ"}
"""Where Turkish has another large letter than others."""
FEW = 16
"""A pattern with fewer fixed signs says too little around a sentence that is not known."""
ANYBODYS = ("why", "body")
"""Places of what another program may have said."""
_QUOTES = "'\"`"


def entries() -> Iterator[tuple[str, str]]:
    """Return every English pattern with its Turkish one, as the tables have them."""
    for path in sorted((Path(__file__).parent / "engine").glob("*.toml")):
        for said in tomllib.loads(path.read_text(encoding="utf-8"))["said"]:
            yield said["en"], said["tr"]


@dataclass(frozen=True)
class _Tables:
    """`fixed`: what has no places. `signed`: the other patterns by a word that each of them has."""

    fixed: Mapping[str, str]
    signed: Mapping[str, tuple[Pattern, ...]]

    def may_be(self, said: str) -> list[Pattern]:
        """Return the patterns that a sentence may be of, the ones that fix most first."""
        found = chain.from_iterable(self.signed.get(word, ()) for word in ("", *words_of(said)))
        return sorted(found, key=lambda each: -each.weight)


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    patterns = [Pattern.of(english, turkish) for english, turkish in entries()]
    signed: dict[str, tuple[Pattern, ...]] = {}
    for each in patterns:
        if each.places:
            signed[each.sign] = (*signed.get(each.sign, ()), each)
    return _Tables({each.words[0]: each.turkish for each in patterns if not each.places}, signed)


@lru_cache(maxsize=4096)
def turkish(said: str) -> str | None:
    """Return a sentence of the engine in Turkish; None of one that the tables do not know."""
    if len(said) > LONGEST or not said.strip():
        return None
    return _whole(said, long=True) or _sentences(said) or _one(said)


def _one(said: str) -> str | None:
    ways = (_whole, _without_dot, _of_something, _phrases, _begun_large)
    return next((found for way in ways if (found := way(said))), None)


def _sentences(said: str) -> str | None:
    """Return several sentences in Turkish where all are known, each of one part or of more."""
    for joint in SENTENCES:
        parts = said.split(joint)
        for end in range(1, len(parts)) if len(parts) <= MOST_PARTS else ():
            first = _one(joint.join(parts[:end]))
            rest = turkish(joint.join(parts[end:])) if first else None
            if rest:
                return f"{first}{joint}{rest}"
    return None


def _whole(said: str, *, long: bool = False) -> str | None:
    """Return a sentence by its pattern; where it is `long`, by one that goes over several."""
    known = _tables()
    if said in known.fixed:
        return known.fixed[said].format()
    if " " not in said:
        return None
    for pattern in known.may_be(said):
        if long and not pattern.is_long:
            continue
        if (found := pattern.found(said)) is not None:
            places = {name: _inner(value) for name, value in found.items()}
            if pattern.weight >= FEW or not any(_is_foreign(*each) for each in found.items()):
                return pattern.turkish.format_map(places)
    return None


def _without_dot(said: str) -> str | None:
    """Sentences lose or get their dot where others quote them."""
    if said.endswith("."):
        found = _whole(said[:-1])
        return f"{found}." if found else None
    found = _whole(f"{said}.") if " " in said else None
    return found.removesuffix(".") if found else None


def _begun_large(said: str) -> str | None:
    """Sentences get a large letter where they follow others."""
    found = _whole(f"{said[0].lower()}{said[1:]}") if said[:1].isupper() else None
    return f"{LARGE.get(found[0], found[0].upper())}{found[1:]}" if found else None


def _of_something(said: str) -> str | None:
    """Return a sentence with the name before it of what it is about: a file, a step, a service."""
    name, colon, rest = said.partition(": ")
    told = turkish(rest) if colon and said.count(colon) <= MOST_PARTS else None
    if told is None:
        return None
    about = turkish(name) or (name if _is_name(name) else None)
    return f"{about}: {told}" if about else None


def _phrases(said: str) -> str | None:
    """Return several phrases in Turkish where each is known, or no more than a name.

    Where nothing of them is known there is nothing to say.
    """
    for joint, there in JOINTS.items():
        parts = said.split(joint)
        if not 1 < len(parts) <= MOST_PARTS:
            continue
        told = [turkish(part) for part in parts]
        if any(told) and all(t or _is_name(p) for t, p in zip(told, parts, strict=True)):
            return there.join(t or p for t, p in zip(told, parts, strict=True))
    return None


def _inner(value: str) -> str:
    if NUMBER.fullmatch(value):
        return value
    return value if _is_quoted(value) else turkish(value) or value


def _is_foreign(name: str, value: str) -> bool:
    """Say whether a place holds words that are no names, not known, and ours."""
    if name in ANYBODYS:
        return False
    names = all(map(_is_name, value.split(", ")))
    return value.count(" ") > 2 and not names and turkish(value) is None


def _is_name(part: str) -> bool:
    return " " not in part.strip() or _is_quoted(part)


def _is_quoted(part: str) -> bool:
    return len(part) > 1 and part[0] in _QUOTES and part.find(part[0], 1) == len(part) - 1
