"""Take a network that was trained elsewhere, by the pods of a TrainJob say, in place of training.

It must have learned from this run's training part, picture for picture, as this run would train it:
one that has seen the test pictures would pass any gate, and the record would tell of another.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from components import image_dataset, telling, trained
from components.train import rules
from components.train.closing import closing
from components.train.texts import TEXTS, log_texts
from serving import storage
from serving.artifact import NATIVE
from serving.errors import ModelError, UsageError

if TYPE_CHECKING:
    from components.train.image_step import Request, Tracker

PARTS = (NATIVE, trained.SIGNATURE, trained.HISTORY, trained.TRAINING)


def run(images: Path, request: Request, model: Path, tracker: Tracker) -> str:
    """Write the network at `request.network` as if it had been trained here; return the run's id.

    Its curves are put on the MLflow run. Raises `UsageError` where nothing is there, or what is
    there is not what this run would train, and `ModelError` where it is damaged.
    """
    given = image_dataset.read(images)
    with tempfile.TemporaryDirectory(prefix="kanarya-") as scratch:
        found = storage.fetch(request.network, Path(scratch) / "network")
        training = _checked(found, request, image_dataset.digest(given))
        run_id = tracker.start_run(
            name=request.name,
            run_key=request.run_key,
            parameters=request.parameters(),
            dataset=given.schema,
        )
        with closing(tracker, run_id), storage.partial(model) as unfinished:
            _copy(found, unfinished)
            _log_curves(found, run_id, tracker)
            log_texts(found, run_id, tracker)
    telling.note(rules.taken(request.network, training.rows, training.seconds))
    return run_id


def _checked(found: Path, request: Request, learned: str) -> trained.Training:
    training = trained.read_training(found)
    missing = [name for name in (*PARTS, *TEXTS) if not (found / name).exists()]
    if missing:
        raise ModelError(f"{request.network} lacks {', '.join(missing)}; train the model again.")
    others = rules.differences(training, request.settings().model_dump(), request, learned)
    if others:
        raise UsageError(
            f"{request.network} is not what this run would train: {'; '.join(others)}. Name the "
            "network that was trained for this spec on this data, or train it again."
        )
    return training


def _copy(found: Path, unfinished: Path) -> None:
    """Copy what training writes, and nothing that may lie beside it."""
    shutil.copytree(found / NATIVE, unfinished / NATIVE)
    for name in PARTS[1:]:
        shutil.copyfile(found / name, unfinished / name)


def _log_curves(found: Path, run_id: str, tracker: Tracker) -> None:
    history = trained.read_history(found)
    epochs = max(map(len, history.values()), default=0)
    for epoch in range(epochs):
        measured = {name: each[epoch] for name, each in history.items() if epoch < len(each)}
        tracker.log_epoch(run_id, epoch + 1, measured)
