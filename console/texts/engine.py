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
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from console.texts.pattern import NUMBER, Pattern

LONGEST = 8000
"""Signs of a sentence that is looked at; a library may have said anything in it."""
JOINTS = {"; ": "; ", ". ": ". ", ": ": ": ", ", ": ", ", " and ": " ve "}
"""What stands between the sentences of several, the strongest first, and what stands there then."""
FEW = 16
"""A pattern with fewer fixed signs says too little around a sentence that is not known."""
_QUOTES = "'\"`"


def entries() -> Iterator[tuple[str, str]]:
    """Return every English pattern with its Turkish one, as the tables have them."""
    for path in sorted((Path(__file__).parent / "engine").glob("*.toml")):
        for said in tomllib.loads(path.read_text(encoding="utf-8"))["said"]:
            yield said["en"], said["tr"]


@dataclass(frozen=True)
class _Tables:
    fixed: dict[str, str]
    patterns: tuple[Pattern, ...]


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    patterns = [Pattern.of(english, turkish) for english, turkish in entries()]
    with_places = sorted((each for each in patterns if each.places), key=lambda each: -each.weight)
    fixed = {each.words[0]: each.turkish for each in patterns if not each.places}
    return _Tables(fixed, tuple(with_places))


@lru_cache(maxsize=4096)
def turkish(said: str) -> str | None:
    """Return a sentence of the engine in Turkish; None of one that the tables do not know."""
    if len(said) > LONGEST or not said.strip():
        return None
    return _whole(said) or _without_dot(said) or _parts(said)


def _whole(said: str) -> str | None:
    known = _tables()
    if said in known.fixed:
        return known.fixed[said].format()
    if " " not in said:
        return None
    for pattern in known.patterns:
        if pattern.sign in said and (found := pattern.found(said)) is not None:
            places = {name: _inner(value) for name, value in found.items()}
            if pattern.weight >= FEW or not any(map(_is_foreign, found.values())):
                return pattern.turkish.format_map(places)
    return None


def _without_dot(said: str) -> str | None:
    """Sentences lose or get their dot where others quote them."""
    if said.endswith("."):
        found = _whole(said[:-1])
        return f"{found}." if found else None
    found = _whole(f"{said}.") if " " in said else None
    return found.removesuffix(".") if found else None


def _parts(said: str) -> str | None:
    """Return several sentences in Turkish where each of them is known, or is no more than a name.

    Where nothing of them is known there is nothing to say.
    """
    for joint, there in JOINTS.items():
        parts = said.split(joint)
        if len(parts) == 1:
            continue
        told = [turkish(part) for part in parts]
        if any(told) and all(t or _is_name(p) for t, p in zip(told, parts, strict=True)):
            return there.join(t or _inner(p) for t, p in zip(told, parts, strict=True))
    return None


def _inner(value: str) -> str:
    if NUMBER.fullmatch(value):
        return value
    return value if _is_quoted(value) else turkish(value) or value


def _is_foreign(value: str) -> bool:
    """Say whether a place holds words that are no names and not known."""
    names = all(map(_is_name, value.split(", ")))
    return value.count(" ") > 2 and not names and turkish(value) is None


def _is_name(part: str) -> bool:
    return " " not in part.strip() or _is_quoted(part)


def _is_quoted(part: str) -> bool:
    return len(part) > 1 and part[0] in _QUOTES and part.find(part[0], 1) == len(part) - 1
