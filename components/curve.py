"""What was measured after each epoch, as lines of a file beside MLflow: a watcher reads them.

Whoever draws the curve while a model trains asks no database; on a cluster there is no such file.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.models.epochs import Epoch

FILE = "KANARYA_CURVE"
"""The variable that names the file; unset where nobody watches."""


def append(epochs: Sequence[Epoch]) -> None:
    """Add a line `{"epoch": 3, "values": {"train_loss": 0.4, …}}` for each of these epochs."""
    place = os.environ.get(FILE)
    if not place:
        return
    lines = [json.dumps({"epoch": each.number, "values": _finite(each)}) for each in epochs]
    with Path(place).open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))


def _finite(epoch: Epoch) -> dict[str, float]:
    values = {name: float(value) for name, value in sorted(epoch.values.items())}
    return {name: value for name, value in values.items() if math.isfinite(value)}
