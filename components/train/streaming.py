"""Training on a table that need not fit into memory: surveyed, spooled, learned bucket by bucket.

Only kinds that learn by epochs can. What preprocessing learns is what it learns of the table as a
whole; the order of the rows differs from that of a table in memory, and the rows that are watched
are a sample instead of a share to the row.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components import dataset, preprocessing
from components.cores import cores_for
from components.models.epochs import Part
from components.models.hyperparameters import Rowwise
from components.models.trainers import CALIBRATION_ROWS, ClassifierTrainer, RegressorTrainer
from components.preprocessing import Features, Statistics
from components.rows import classes
from components.train.fitting import Fitted, Request, noted
from components.train.spool import BUCKET_CELLS, Layout, Spool, Spooled, buckets
from components.train.survey import Survey, survey

if TYPE_CHECKING:
    from components.models.epochs import Watch

__all__ = ["Survey", "fit", "survey"]

RARE = 20
"""Of a class of fewer rows so many are watched, not each by chance, which could take all or none:
what is calibrated without a class never answers it."""

DEALING, CHOOSING = 1, 2
"""The streams of chance that deal rows, and that choose from rare classes; 0 is the training's."""

Trainer = ClassifierTrainer | RegressorTrainer


def fit(found: Survey, request: Request, folder: Path, watch: Watch | None = None) -> Fitted:
    """Return the pipeline fitted on the surveyed table; `folder`, which is empty, is filled."""
    pipeline = request.pipeline(found.columns, watch)
    trainer, prepare = pipeline.named_steps["model"], pipeline.named_steps["prepare"]
    started = time.perf_counter()
    dealt = _Dealt(found, request, folder, _watched(found, trainer))
    preprocessing.settle(prepare, found.some, dealt.statistics)
    parts = dealt.parts(Features.of(prepare), trainer)
    with cores_for(pipeline, found.schema.rows):
        if isinstance(trainer, ClassifierTrainer):
            notes = noted(request.kind, lambda: trainer.fit_parts(found.classes, parts))
        else:
            notes = noted(request.kind, lambda: trainer.fit_parts(found.unit, parts))
    pipeline.steps[-1] = ("model", trainer.fitted_)
    seconds = time.perf_counter() - started
    return Fitted(pipeline, found.columns, found.some, notes, seconds)


def _width(found: Survey) -> int:
    """Return how many numbers a row is in memory: what a model sees, and what it answers."""
    return len(found.numbers) + sum(map(len, found.words.values())) + max(len(found.classes), 1)


def _watched(found: Survey, trainer: Trainer) -> np.ndarray:
    """Return how likely a row of each class (of numbers, any row) is to be watched by.

    As many are as fit into memory, and as scores are made probabilities on.
    """
    rows, asked = found.schema.rows, trainer.plan.validation_size
    if isinstance(trainer.plan, Rowwise):
        asked = max(asked, min(0.5, 2 * CALIBRATION_ROWS / rows))
    share = min(asked, BUCKET_CELLS / _width(found) / rows)
    if found.schema.is_quantity:
        return np.array([share])
    return np.full(len(found.sizes), share)


def _chosen(sizes: np.ndarray, watched: np.ndarray, random_state: int) -> dict[int, np.ndarray]:
    """Return which rows of each rare class are watched, in the order they come; never all."""
    rng = np.random.default_rng([random_state, CHOOSING])
    wanted = np.minimum(np.round(sizes * watched), sizes - 1)
    return {
        place: rng.permutation(int(sizes[place])) < wanted[place]
        for place in np.flatnonzero(sizes < RARE).tolist()
    }


class _Dealt:
    """A surveyed table, dealt to buckets in a second pass; the last bucket is watched."""

    def __init__(self, found: Survey, request: Request, folder: Path, watched: np.ndarray) -> None:
        self._found, self._watched = found, watched
        sizes = np.array([found.schema.rows]) if found.schema.is_quantity else found.sizes
        self._chosen = _chosen(sizes, watched, request.random_state)
        self._count = buckets(found.schema.rows, _width(found))
        layout = Layout(len(found.numbers), len(found.words))
        self._dtype = layout.dtype
        self._spool = Spool(folder, layout, self._count + 1)
        self._places = {
            name: {word: place for place, word in enumerate(words.tolist())}
            for name, words in found.words.items()
        }
        rng = np.random.default_rng([request.random_state, DEALING])
        names = [*(column.name for column in found.columns), found.schema.target]
        for cells in dataset.batches(found.table, names):
            self._deal(cells, rng)

    def _deal(self, cells: dict[str, np.ndarray], rng: np.random.Generator) -> None:
        target = cells[self._found.schema.target]
        encoded = preprocessing.encoded(self._found.columns, cells)
        rows = np.empty(len(target), self._dtype)
        for place, (name, number) in enumerate(self._found.numbers.items()):
            values = rows["numbers"][:, place] = encoded[name]
            number.median.second(values[~np.isnan(values)])
        for place, (name, places) in enumerate(self._places.items()):
            rows["words"][:, place] = [places.get(word, -1) for word in encoded[name].tolist()]
        rows["target"], of_class = self._targets(target)
        bucket = rng.integers(self._count, size=len(rows))
        bucket[self._are_watched(of_class, rng)] = self._count
        self._spool.deal(rows, bucket)

    def _targets(self, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what is learned of each row, and the place of its class: 0 of numbers."""
        if self._found.schema.is_quantity:
            mean, spread = self._found.unit
            return (target - mean) / spread, np.zeros(len(target), int)
        places = np.searchsorted(self._found.classes, classes(target))
        return places, places

    def _are_watched(self, places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        watched = np.asarray(rng.random(len(places)) < self._watched[places])
        for place, left in self._chosen.items():
            own = np.flatnonzero(places == place)
            watched[own], self._chosen[place] = left[: len(own)], left[len(own) :]
        return watched

    @property
    def statistics(self) -> Statistics:
        """What preprocessing learns of the table."""
        rows, numbers = self._found.schema.rows, self._found.numbers.values()
        filled = [number.filled(rows) for number in numbers]
        return Statistics(
            rows=rows,
            medians=np.array([number.median.value for number in numbers]),
            means=np.array([each.mean for each in filled]),
            variances=np.array([each.variance for each in filled]),
            words=list(self._found.words.values()),
        )

    def parts(self, features: Features, trainer: Trainer) -> tuple[Spooled, Part]:
        """Return the rows to train on, and those that are watched, as a model sees them."""
        weights = None
        if isinstance(trainer, ClassifierTrainer):
            weights = trainer.weights(self._found.sizes)

        def part(rows: np.ndarray) -> Part:
            seen, targets = features.rows(rows["numbers"], rows["words"]), rows["target"]
            if not self._found.schema.is_quantity:
                targets = targets.astype(np.int64)
            return Part(seen, targets, None if weights is None else weights[targets])

        return Spooled(self._spool, range(self._count), part), part(self._spool.read(self._count))
