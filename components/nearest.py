"""What somebody probably meant by a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def instead(name: str, known: Iterable[str]) -> str:
    """Return the second half of a refusal: the nearest names, or all that are known."""
    names = list(known)
    near = get_close_matches(name, names, n=2, cutoff=0.5)
    meant = f"did you mean {' or '.join(near)}? Known" if near else "known"
    return f"{meant} are {', '.join(names)}"
