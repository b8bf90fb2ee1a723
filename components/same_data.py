"""Whether a run that is to be repeated still finds the data that it had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.errors import ChangedError


def confirmed(found: Mapping[str, Any], wanted: str) -> Mapping[str, Any]:
    """Return what ingest found; raise ChangedError where its `sha256` is not the wanted one.

    `wanted`: the sha256 of the data that is asked for; empty: any.
    """
    if wanted and found["sha256"] != wanted:
        raise ChangedError(
            f"the data has changed: its sha256 is {found['sha256']}, {wanted} is asked for; bring "
            "the old data back, or repeat the run on what is there now with --accept-new-data."
        )
    return found
