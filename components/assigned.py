"""Hyperparameters as words of a command line: `C=0.1 gamma="scale"`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from serving.errors import UsageError


def hyperparameters(words: Iterable[str]) -> dict[str, Any]:
    """Return what words of the form `name=JSON` assign; raise `UsageError` naming a bad one."""
    return dict(map(_assigned, words))


def _assigned(word: str) -> tuple[str, Any]:
    name, _, text = word.partition("=")
    try:
        return name, json.loads(text)
    except ValueError as error:
        raise UsageError(f"{word!r}: write it as name=JSON, a text in quotes.") from error
