"""Locks name the bytes of every package; what advisories say of them is told with what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.supply_chain import ASKED, LOCKS, holes, reached

PINNED = re.compile(r"^([\w.-]+)(\[[\w,-]+\])?==([^\s;]+)", re.MULTILINE)


def pinned(lock: Path) -> dict[str, str]:
    return {name: version for name, _, version in PINNED.findall(lock.read_text("utf-8"))}


@pytest.mark.parametrize("lock", sorted(LOCKS.glob("*.txt")), ids=lambda path: path.stem)
def test_every_package_is_locked_with_its_sha256_and_no_index(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert all("==" in block.split()[0] for block in blocks)
    assert not [block.split()[0] for block in blocks if "--hash=sha256:" not in block]
    assert "://" not in text


@pytest.mark.parametrize("lock", sorted(LOCKS.glob("*.txt")), ids=lambda path: path.stem)
def test_what_is_asked_about_holds_all_others(lock: Path) -> None:
    known = {pair for name in ASKED for pair in pinned(LOCKS / f"{name}.txt").items()}
    assert set(pinned(lock).items()) <= known


ANSWER = [
    {"name": "a", "version": "1.0", "vulns": []},
    {"name": "b", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1", "3.0"]}]},
    {"name": "c", "version": "3.0", "vulns": [{"id": "GHSA-2", "fix_versions": []}]},
    {"name": "d", "skip_reason": "not found"},
]


def test_a_hole_is_told_with_what_mends_it() -> None:
    told = [str(hole) for hole in holes("dev", ANSWER)]
    assert told == [
        "dev: b 2.0 has PYSEC-1; mended in 2.1, 3.0: `make lock`",
        "dev: c 3.0 has GHSA-2; no fix",
    ]


def test_an_index_that_knows_nothing_was_not_reached() -> None:
    assert reached(ANSWER)
    assert not reached(ANSWER[3:])
    assert not reached([])
