"""Folders of runs as the journal writes them, without anything having run: to measure and test."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

from pipelines.journal import RUNNING, SUCCEEDED, Result, RunFolder, Step

STEPS = ("ingest", "validate", "split", "train", "evaluate", "package", "gate", "register")
OUTCOMES = ("promoted", "promoted", "rejected", "rolled_back", "failed")
BEGAN = 1_790_000_000.0


def begun(root: Path, number: int, model: str | None = None) -> RunFolder:
    """Make the folder of a run that has begun, `number` minutes after the first one."""
    name = model or f"model-{number % 7}"
    began = BEGAN + 60 * number
    at = datetime.fromtimestamp(began, UTC)
    folder = RunFolder(root / f"{name}-{at:%Y%m%d-%H%M%S}-{number % 65536:04x}")
    arguments = {
        "name": name,
        "data_uri": f"/data/table-{number % 3}.csv",
        "target": "species",
        "task": "tabular",
        "model_kind": ("random_forest", "mlp")[number % 2],
        "run_key": folder.run_id,
    }
    folder.create(arguments)
    return folder


def ended(root: Path, number: int, model: str | None = None) -> RunFolder:
    """Make the folder of a run that has ended, with metrics."""
    folder = begun(root, number, model)
    rng, began = random.Random(number), BEGAN + 60 * number
    for place, name in enumerate(STEPS):
        folder.append(Step(name, RUNNING, began + place))
        folder.append(Step(name, SUCCEEDED, began + place, began + place + 1))
    outcome = OUTCOMES[number % len(OUTCOMES)]
    metrics = {name: rng.random() for name in ("accuracy", "f1_macro", "log_loss", "brier")}
    folder.close(
        Result(
            folder.run_id,
            outcome,
            f"candidate no{number}x is fine",
            version=str(number),
            seconds=rng.random() * 60,
            steps=folder.steps(),
            metrics=metrics if outcome != "failed" else {},
        )
    )
    return folder


def scores(folder: RunFolder, **metrics: float) -> None:
    """Write what the evaluate step leaves."""
    path = folder.pipeline_root / "tabular-1" / "evaluate" / "evaluation"
    path.mkdir(parents=True)
    (path / "scores.json").write_text(json.dumps({"candidate": metrics}))
