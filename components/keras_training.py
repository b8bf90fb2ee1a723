"""Training a network of images: tf.data, one cycle of the learning rate, a look at every epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from components import cnn
from components.batches import Batches
from components.cnn import Layout
from components.image_models import Cnn
from components.keras_conversion import imported_keras, imported_tensorflow
from components.keras_workers import agreed, joined, own
from components.workers import ALONE, Workers
from serving.errors import ModelError
from serving.image_signature import Image, encode_images

if TYPE_CHECKING:
    KerasModel = Any

MOMENTUM = 0.9
RISE = 0.2
"""Share of the steps in which the learning rate rises; then it falls to zero."""
READY = 4
"""Batches that are prepared while one is trained on."""

WATCHED = 500
"""Pictures that are measured at a time."""
NAMES = {
    "loss": "train_loss",
    "accuracy": "train_accuracy",
    "val_loss": "validation_loss",
    "val_accuracy": "validation_accuracy",
}
"""What is measured in an epoch, by Keras's names: plain `accuracy` is that of the test."""

Watch = Callable[[int, Mapping[str, float]], None]
"""Gets the number of an epoch, from 1, and what was measured in it."""


@dataclass(frozen=True)
class Plan:
    """What is to be trained on what; `watched`: rows of the same pictures that are only measured.

    `image`: the shape, and the scale that every pixel is multiplied by before the model sees it.
    """

    settings: Cnn
    image: Image
    labels: tuple[str, ...]
    batches: Batches
    watched: np.ndarray

    @property
    def layout(self) -> Layout:
        """The network's layout."""
        settings = self.settings
        return Layout(self.image.shape, len(self.labels), settings.width, settings.dropout)

    @property
    def steps(self) -> int:
        """Batches in all."""
        return self.settings.epochs * self.batches.an_epoch


@dataclass(frozen=True)
class Trained:
    """A network that answers probabilities in float32, and what was measured in each epoch."""

    model: KerasModel
    history: Mapping[str, list[float]]
    seconds: float
    device: str


def rate(step: int, steps: int, peak: float) -> float:
    """Return the learning rate of a step: up to the peak, then down to zero, in straight lines.

    L. Smith and N. Topin, "Super-Convergence" (2018, arXiv:1708.07120).
    """
    rise = max(1.0, RISE * steps)
    return peak * min((step + 1) / rise, (steps - step) / max(1.0, steps - rise))


def fit(plan: Plan, watch: Watch, workers: Workers = ALONE) -> Trained:
    """Return the trained network; `watch` is told of every epoch while the next ones wait.

    On a GPU it computes in float16 where that is safe (mixed precision), else in float32. Several
    workers each train on their part of a batch, and all of them return the same network. Raises
    `ModelError` where the loss is no number any more.
    """
    strategy = joined(workers)
    keras, device = imported_keras(), _device()
    keras.utils.set_random_seed(plan.batches.seed % 2**32)
    began = time.perf_counter()
    with _precision(keras, device), strategy.scope():
        model = cnn.build(plan.layout, softmax=False)
        cnn.whiten(model, _sample(plan))
        _compile(keras, model, plan)
        told = model.fit(
            own(strategy, _dataset(plan)),
            epochs=plan.settings.epochs,
            steps_per_epoch=plan.batches.an_epoch,
            validation_data=own(strategy, _validation(plan)),
            callbacks=[_callback(keras, plan, watch)],
            verbose=0,
            shuffle=False,
        )
        weights = agreed(strategy, model.get_weights())
    history = {
        name: [float(value) for value in told.history[of]]
        for of, name in NAMES.items()
        if of in told.history
    }
    return Trained(_answering(plan, weights), history, time.perf_counter() - began, device)


def summary(model: KerasModel) -> str:
    """Return the layers, their answers' shapes and their numbers of weights, as a text."""
    rows = [
        (layer.name, type(layer).__name__, str(layer.output.shape), f"{layer.count_params():,}")
        for layer in model.layers
    ]
    head = ("layer", "kind", "answers", "weights")
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (head, *rows)]
    fixed = sum(int(np.prod(each.shape)) for each in model.non_trainable_weights)
    learned = model.count_params() - fixed
    return "\n".join([*lines, "", f"{learned:,} weights are learned, {fixed:,} are not.", ""])


def _answering(plan: Plan, weights: list[np.ndarray]) -> KerasModel:
    """Return the network in float32, ending in probabilities and free of what only training needs.

    So the file needs nothing of ours to be opened, and answers alike wherever it was trained.
    """
    imported_keras().utils.clear_session()  # its layers are numbered from the beginning
    answering = cnn.build(plan.layout, softmax=True)
    answering.set_weights(weights)
    return answering


def _device() -> str:
    """Return GPU where TensorFlow has one, else CPU; a GPU's memory is taken as it is needed."""
    config = imported_tensorflow().config
    found = config.list_physical_devices("GPU")
    for each in found:
        config.experimental.set_memory_growth(each, True)
    return "GPU" if found else "CPU"


@contextmanager
def _precision(keras: Any, device: str) -> Iterator[None]:
    keras.config.set_dtype_policy("mixed_float16" if device == "GPU" else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy("float32")


def _compile(keras: Any, model: KerasModel, plan: Plan) -> None:
    settings = plan.settings
    optimizer = keras.optimizers.SGD(
        settings.learning_rate,
        momentum=MOMENTUM,
        nesterov=True,
        weight_decay=settings.weight_decay or None,
    )
    # What is added to a normalized answer, and every bias, is not pulled to zero.
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta"])
    model.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=settings.label_smoothing
        ),
        metrics=["accuracy"],
        # XLA is what Keras would choose here; on processors it is three times as slow.
        jit_compile=False,
    )


def _sample(plan: Plan) -> np.ndarray:
    batches = plan.batches
    rng = np.random.default_rng(batches.seed)
    chosen = rng.permutation(batches.rows)[: cnn.WHITENED]
    return encode_images(plan.image, batches.pixels[np.sort(chosen)])


def _dataset(plan: Plan) -> Any:
    tf = imported_tensorflow()
    classes = len(plan.labels)
    shape = (None, *plan.image.shape)

    def batch(number: Any) -> Any:
        pixels, places = tf.numpy_function(plan.batches.batch, [number], (tf.uint8, tf.int64))
        pixels.set_shape(shape)
        places.set_shape((None,))
        scaled = tf.cast(pixels, tf.float32) * np.float32(plan.image.scale)
        return scaled, tf.one_hot(places, classes)

    return tf.data.Dataset.range(plan.steps).map(batch).prefetch(READY)


def _validation(plan: Plan) -> Any:
    """Return the pictures that are only measured, a batch at a time; None where there are none."""
    rows, batches = plan.watched, plan.batches
    if not len(rows):
        return None
    tf = imported_tensorflow()
    eye = np.eye(len(plan.labels), dtype=np.float32)

    def parts() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for at in range(0, len(rows), WATCHED):
            chosen = rows[at : at + WATCHED]
            yield encode_images(plan.image, batches.pixels[chosen]), eye[batches.classes[chosen]]

    given = tf.TensorSpec((None, *plan.image.shape), tf.float32)
    wanted = tf.TensorSpec((None, len(plan.labels)), tf.float32)
    made = tf.data.Dataset.from_generator(parts, output_signature=(given, wanted))
    return made.apply(tf.data.experimental.assert_cardinality(-(-len(rows) // WATCHED)))


def _callback(keras: Any, plan: Plan, watch: Watch) -> Any:
    """Return what sets the learning rate before each batch, and looks at each epoch."""
    steps, peak = plan.steps, plan.settings.learning_rate
    number = iter(range(steps))

    def begin(batch: int, logs: object = None) -> None:
        callback.model.optimizer.learning_rate = rate(next(number), steps, peak)

    def end(epoch: int, logs: Mapping[str, float]) -> None:
        if not np.isfinite(logs["loss"]):
            raise ModelError(
                f"The loss is {logs['loss']} after epoch {epoch + 1}: lower the learning_rate, "
                f"which is {peak:g}."
            )
        watch(epoch + 1, {NAMES[name]: float(logs[name]) for name in NAMES if name in logs})

    callback = keras.callbacks.LambdaCallback(on_train_batch_begin=begin, on_epoch_end=end)
    return callback
