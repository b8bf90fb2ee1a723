"""Train on images with files: an image artifact in, a trained network and its MLflow run out.

native/         the MLflow model, `model.h5`, `class_names.txt` and `model_summary.txt`
history.json    what was measured in each epoch
signature.json  `serving.signature.Signature`
training.json   `components.trained.Training`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from components import batches, cnn, image_dataset, image_models, keras_conversion, telling, trained
from components.image_dataset import Images, ImageSchema
from components.image_models import Cnn
from components.train import rules, taking
from components.train.closing import closing
from components.train.texts import CLASS_NAMES, SUMMARY, log_texts
from components.train.watching import Watching
from components.usage import TRAIN, Sample
from components.workers import ALONE, Workers
from serving.artifact import NATIVE
from serving.errors import UsageError
from serving.image_signature import Image
from serving.signature import Signature
from serving.storage import partial

if TYPE_CHECKING:
    from components.keras_training import Plan, Trained

SCALE = 1 / 255
"""What pixels are multiplied by: the network sees numbers from 0 to 1, as Keras's examples do."""
H5_FILE = "model.h5"


class Tracker(Protocol):
    """What training needs of `components.tracking` and `components.keras_tracking`."""

    def start_run(
        self, *, name: str, run_key: str, parameters: Mapping[str, object], dataset: ImageSchema
    ) -> str:
        """Open the run and return its id."""

    def log_epoch(self, run_id: str, epoch: int, metrics: Mapping[str, float]) -> None:
        """Add what was measured in an epoch."""

    def log_file(self, run_id: str, text: str, name: str) -> None:
        """Put a text file on the run."""

    def log_usage(self, run_id: str, step: str, samples: Sequence[Sample]) -> None:
        """Add what the step used of its machine."""

    def fail_run(self, run_id: str, reason: str) -> None:
        """Close the run as failed."""

    def save_keras(self, model: Any, directory: Path, signature: Signature) -> Path:
        """Write an MLflow model directory, and return where in it the `.keras` file is."""


@dataclass(frozen=True)
class Request:
    """What is to be trained, and for which run; `asked`: what else was asked for, to record.

    `network`: where one is that was trained already, to be taken; "": it is trained here.
    """

    name: str
    kind: str
    hyperparameters: Mapping[str, Any]
    random_state: int
    run_key: str
    asked: Mapping[str, Any]
    network: str = ""

    def settings(self) -> Cnn:
        """Return every hyperparameter, with its default where none was given."""
        return cast(Cnn, image_models.parse(self.kind, self.hyperparameters))

    def parameters(self) -> dict[str, Any]:
        """Return what the MLflow run records."""
        settings = self.settings().model_dump()
        return {
            "kind": self.kind,
            "random_state": self.random_state,
            **{f"hyperparameters.{key}": value for key, value in settings.items()},
            **self.asked,
            **({"network": self.network} if self.network else {}),
        }


def run(
    images: Path, request: Request, model: Path, tracker: Tracker, workers: Workers = ALONE
) -> str:
    """Train, or take what was trained, write the network, and return the MLflow run's id.

    The run is opened first, so that its curves grow while it trains. A kill leaves a run that says
    so, and no model. Of several workers the first one records and writes; the others only train,
    and return "". Raises `UsageError` for hyperparameters and images that nothing can be learned
    from, and `ModelError` where the loss is no number any more.
    """
    if request.network:
        return taking.run(images, request, model, tracker)
    given = image_dataset.read(images)
    plan = planned(given, request, workers)
    if not workers.is_first:
        _assist(plan, workers)
        return ""
    run_id = tracker.start_run(
        name=request.name,
        run_key=request.run_key,
        parameters=request.parameters(),
        dataset=given.schema,
    )
    watching = Watching().to(lambda samples: tracker.log_usage(run_id, TRAIN, samples))
    with closing(tracker, run_id), watching, partial(model) as unfinished:
        unfinished.mkdir()
        fitted = _fit(plan, run_id, tracker, workers)
        _write(unfinished, plan, fitted, tracker)
        trained.write(unfinished, _signature(plan), _training(given, request, fitted))
        log_texts(unfinished, run_id, tracker)
    return run_id


def planned(given: Images, request: Request, workers: Workers = ALONE) -> Plan:
    """Return what is to be trained; raise `UsageError` where nothing can be learned."""
    from components.keras_training import Plan

    settings, schema = request.settings(), given.schema
    if min(schema.height, schema.width) < cnn.SMALLEST:
        raise UsageError(
            f"The pictures are {schema.height} x {schema.width}, and a {request.kind} needs "
            f"{cnn.SMALLEST} pixels a side: give larger ones, or set data.image_size."
        )
    rows, watched = batches.held_out(schema.rows, settings.validation_size, request.random_state)
    size = min(settings.batch_size, max(2, len(rows) // image_models.LEAST_STEPS))
    if size < 2 * workers.count:
        raise UsageError(
            f"A batch of {size} pictures is too small for {workers.count} workers: each needs two "
            "of it; take fewer workers, or raise batch_size where there are pictures enough."
        )
    chosen = batches.Batches(
        given.pixels,
        given.classes,
        rows,
        size // workers.count * workers.count,
        request.random_state,
        batches.Augmentation(settings.flip, min(settings.shift, *schema.shape[:2])),
        workers.index,
        workers.count,
    )
    return Plan(settings, Image(*schema.shape, scale=SCALE), schema.labels, chosen, watched)


def _fit(plan: Plan, run_id: str, tracker: Tracker, workers: Workers) -> Trained:
    from components import keras_training

    def watch(epoch: int, measured: Mapping[str, float]) -> None:
        tracker.log_epoch(run_id, epoch, measured)
        telling.note(rules.epoch(epoch, plan.settings.epochs, measured))

    return keras_training.fit(plan, watch, workers)


def _assist(plan: Plan, workers: Workers) -> None:
    from components import keras_training

    keras_training.fit(plan, lambda epoch, measured: None, workers)


def _signature(plan: Plan) -> Signature:
    return Signature((), plan.labels, plan.image)


def _training(given: Images, request: Request, fitted: Trained) -> trained.Training:
    return trained.Training(
        kind=request.kind,
        hyperparameters=request.settings().model_dump(),
        random_state=request.random_state,
        rows=given.schema.rows,
        seconds=round(fitted.seconds, 3),
        data_sha256=given.schema.sha256,
        target="class",
        libraries=keras_conversion.libraries(),
        notes=(f"trained on the {fitted.device}",),
        task="image",
        learned_sha256=image_dataset.digest(given),
    )


def _write(directory: Path, plan: Plan, fitted: Trained, tracker: Tracker) -> None:
    """Write the MLflow model with its neighbours, and the history."""
    from components import keras_training

    native = directory / NATIVE
    tracker.save_keras(fitted.model, native, _signature(plan))
    keras_conversion.save_h5(fitted.model, native / H5_FILE)
    names = "".join(f"{label}\n" for label in plan.labels)
    (native / CLASS_NAMES).write_text(names, encoding="utf-8")
    (native / SUMMARY).write_text(keras_training.summary(fitted.model), encoding="utf-8")
    trained.write_history(directory, fitted.history)
