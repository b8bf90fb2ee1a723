"""What serving a candidate was like, as the servability step records it and the gate reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from components.errors import GateError

FILE = "servability.json"


@dataclass(frozen=True)
class Check:
    """One guard, its numbers and its answer as a sentence."""

    name: str
    metric: str
    value: float | None
    limit: float
    passed: bool
    sentence: str


@dataclass(frozen=True)
class Servable:
    """What was measured, by MLflow's names, and the checks of the guards."""

    metrics: Mapping[str, float]
    checks: tuple[Check, ...] = ()


def write(directory: Path, found: Servable) -> None:
    """Write `servability.json` into a new directory."""
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(found), indent=2, ensure_ascii=False, allow_nan=False)
    (directory / FILE).write_text(text + "\n", encoding="utf-8")


def read(directory: Path) -> Servable:
    """Return what was recorded; raise GateError where that is missing or damaged."""
    try:
        record = json.loads((directory / FILE).read_text(encoding="utf-8"))
        checks = tuple(Check(**check) for check in record["checks"])
        return Servable(dict(record["metrics"]), checks)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GateError(
            f"{directory / FILE} cannot be read ({error}); run the pipeline again"
        ) from error


def summary(metrics: Mapping[str, float]) -> str:
    """Return the numbers as a sentence; what was not measured is left out."""
    said = [form.format(metrics[name]) for name, form in _SAID.items() if name in metrics]
    return f"served by the real predictor: {', '.join(said)}"


_SAID = {
    "serving_golden_rows": "{:.0f} golden rows answered as packaged",
    "serving_start_s": "ready in {:.2f} s",
    "serving_p50_ms": "p50 {:.2f} ms a row",
    "serving_p99_ms": "p99 {:.2f} ms",
    "serving_memory_mb": "{:.0f} MB",
}
