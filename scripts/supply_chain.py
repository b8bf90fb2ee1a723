"""`make audit`: what every environment is made of (SBOM), and which of it has known holes.

Writes `sbom/<lock>.cdx.json` (CycloneDX) for each lock, from the lock alone, then asks PyPI's
advisories about every package. Exit code 1 where one has a hole that a newer version mends.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKS, SBOM = ROOT / "requirements", ROOT / "sbom"
ASKED = ("dev", "airflow", "audit")
"""All others hold what `dev` holds, in the same versions."""
AWAY = (
    "no advisories were looked up: those of PyPI cannot be reached from here; the SBOMs are written"
)
TIMEOUT_S = 600


@dataclass(frozen=True)
class Hole:
    """A known weakness of a package in a lock, and the versions that mend it."""

    lock: str
    package: str
    version: str
    advisory: str
    mended_in: tuple[str, ...]

    def __str__(self) -> str:
        """Say it with what to do."""
        where = f"{self.lock}: {self.package} {self.version} has {self.advisory}"
        cure = f"mended in {', '.join(self.mended_in)}: `make lock`" if self.mended_in else "no fix"
        return f"{where}; {cure}"


def main() -> int:
    """Write the SBOMs, print what is known of the packages, return the exit code."""
    locks = sorted(LOCKS.glob("*.txt"))
    SBOM.mkdir(exist_ok=True)
    for lock in locks:
        _sbom(lock, SBOM / f"{lock.stem}.cdx.json")
    print(f"wrote {len(locks)} SBOMs to {SBOM.relative_to(ROOT)}/")
    asked = {name: _advisories(LOCKS / f"{name}.txt") for name in ASKED}
    if not all(reached(answer) for answer in asked.values()):
        print(AWAY)
        return 0
    found = [hole for lock, answer in asked.items() for hole in holes(lock, answer)]
    for hole in found:
        print(hole)
    print(f"{len(found)} known holes in {len(locks)} locks")
    return int(any(hole.mended_in for hole in found))


def reached(answer: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether the advisories knew any package at all."""
    return any("vulns" in each for each in answer)


def holes(lock: str, answer: Sequence[Mapping[str, Any]]) -> list[Hole]:
    """Return the holes that pip-audit's JSON tells of a lock."""
    return [
        Hole(lock, each["name"], each["version"], one["id"], tuple(one.get("fix_versions", ())))
        for each in answer
        for one in each.get("vulns", ())
    ]


def _sbom(lock: Path, path: Path) -> None:
    words = ["cyclonedx_py", "requirements", str(lock), "--output-reproducible"]
    _run([*words, "--pyproject", str(ROOT / "pyproject.toml"), "--output-file", str(path)])


def _advisories(lock: Path) -> list[dict[str, Any]]:
    words = ["pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    said = _run([*words, "--format", "json", "--requirement", str(lock)])
    try:
        return list(json.loads(said)["dependencies"])
    except (ValueError, KeyError):
        return []


def _run(words: Sequence[str]) -> str:
    command = [sys.executable, "-m", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_S, cwd=ROOT, check=False
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
