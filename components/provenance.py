"""What a result depends on beside its spec and its data: the code, and the libraries around it."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGES = ("components", "pipelines", "serving")
"""The folders whose code decides what a run makes."""


@dataclass(frozen=True)
class Code:
    """Which code: the sha256 of its files, and its commit where it is a git checkout.

    `dirty`: the checkout had changes that no commit holds.
    """

    sha256: str
    commit: str = ""
    dirty: bool = False


@dataclass(frozen=True)
class Environment:
    """Which interpreter, which system, and the version of each library."""

    python: str
    system: str
    libraries: Mapping[str, str]

    @property
    def sha256(self) -> str:
        """Return one digest of all versions: two environments with the same one are the same."""
        known = [self.python, self.system, sorted(self.libraries.items())]
        return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def code(root: Path = CHECKOUT) -> Code:
    """Return which code is imported from `root`."""
    return Code(sources_sha256(root), *_commit(root))


def environment() -> Environment:
    """Return the interpreter, the system and the libraries of this process.

    The versions are read off the names of the `.dist-info` folders: opening each costs a tenth of
    a second.
    """
    found = [path for place in sys.path for path in Path(place or ".").glob("*.dist-info")]
    named = (path.name.removesuffix(".dist-info").rpartition("-") for path in reversed(found))
    libraries = {name.lower().replace("_", "-"): version for name, _, version in named if name}
    libraries.pop("kanarya", None)  # that is the code, which has a digest of its own
    system = f"{platform.system()} {platform.machine()}"
    return Environment(platform.python_version(), system, dict(sorted(libraries.items())))


def sources_sha256(root: Path) -> str:
    """Return the sha256 of all Python files of the packages below `root`, with their places."""
    whole = hashlib.sha256()
    for path in sorted(each for name in PACKAGES for each in (root / name).rglob("*.py")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return whole.hexdigest()


def tags() -> dict[str, str]:
    """Return the two digests, as an MLflow run carries them."""
    return {
        "kanarya.code.sha256": sources_sha256(CHECKOUT),
        "kanarya.environment.sha256": environment().sha256,
    }


def _commit(root: Path) -> tuple[str, bool]:
    if not (root / ".git").exists():  # installed: a repository further up is not this code's
        return "", False
    commit = git("rev-parse", "HEAD", folder=root)
    return commit, bool(commit and git("status", "--porcelain", *PACKAGES, folder=root))


def git(*arguments: str, folder: Path) -> str:
    """Return what a git command says of a folder; "" where there is no git or no repository."""
    asked: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 5, "check": False}
    try:
        found = subprocess.run(["git", "-C", str(folder), *arguments], **asked)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return str(found.stdout).strip() if found.returncode == 0 else ""
