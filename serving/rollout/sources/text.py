"""Prometheus' text format, read strictly and only where it is wanted.

A page tells of a hundred services and of the process itself; parsing all of it at every look would
cost fifty times what the few lines do that are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_LINE = re.compile(r"([a-zA-Z_:][\w:]*)\s*(?:\{(.*)\})?\s*([^\s{}]+)(?:\s+-?\d+)?\s*")
_LABEL = re.compile(r'\s*([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_ESCAPED = re.compile(r"\\(.)")
_MEANT = {"n": "\n"}


@dataclass(frozen=True)
class Sample:
    """One series and its value, which may be NaN or infinite."""

    name: str
    labels: Mapping[str, str]
    value: float


def lines_with(page: bytes, word: bytes) -> Iterator[str]:
    """Yield the lines that hold the word. Raises ValueError where the page breaks off in one."""
    found = page.find(word)
    while found >= 0:
        start, end = page.rfind(b"\n", 0, found) + 1, page.find(b"\n", found)
        if end < 0:
            raise ValueError("it breaks off in the middle of a line")
        yield page[start:end].decode("utf-8")
        found = page.find(word, end)


def samples(lines: Iterable[str]) -> list[Sample]:
    """Return what the lines say, comments left out. Raises ValueError for any other line."""
    found = [_sample(line) for line in lines if line.strip() and not line.startswith("#")]
    seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for each in found:
        key = (each.name, frozenset(each.labels.items()))
        if key in seen:
            raise ValueError(f"the series {each.name}{dict(each.labels)} is in it twice")
        seen.add(key)
    return found


def _sample(line: str) -> Sample:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"{line[:60]!r} is no line of metrics")
    name, labels, value = match.groups()
    return Sample(name, _labels(labels or ""), float(value))


def _labels(text: str) -> dict[str, str]:
    labels, at = {}, 0
    while at < len(text):
        match = _LABEL.match(text, at)
        if match is None:
            raise ValueError(f"{text[at : at + 60]!r} are no labels")
        name, value = match.groups()
        labels[name] = _ESCAPED.sub(_plain, value) if "\\" in value else value
        at = match.end()
    return labels


def _plain(escape: re.Match[str]) -> str:
    return _MEANT.get(escape[1], escape[1])
