"""What stands in a pipeline until it is fitted: `fit` makes the model that then takes its place.

The model is `fitted_`, a plain scikit-learn one that holds nothing of how it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from components.models.calibration import calibrate
from components.models.epochs import Epoch, Part, Source, Watch, Ways, held_out, learn
from components.models.gradients import GradientClassifier, GradientRegressor
from components.models.hyperparameters import Epochs
from components.models.rows import CLASSIFIERS, RowClassifier, RowRegressor

CALIBRATION_ROWS = 500
"""So many held-out rows are enough to calibrate on; with fewer, all rows are, by cross-validation:
each is scored by a model that was not trained on it."""
FOLDS = 3

Unseen = Callable[[RowClassifier, int], tuple[np.ndarray, np.ndarray, np.ndarray | None]]
"""Returns scores, targets and weights of rows that who scored them, of so many epochs, had not
seen."""


def unwatched(_: Epoch) -> None:
    """Tell nobody."""


@dataclass
class Trainer:
    """A kind that learns by epochs, as a pipeline's last step."""

    kind: str
    plan: Epochs
    settings: Mapping[str, Any]
    random_state: int
    watch: Watch = unwatched
    fitted_: Any = None

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import Tags, TargetTags

        return Tags(estimator_type=None, target_tags=TargetTags(required=True))

    def _ways(self, offset: int = 0) -> Ways:
        rng = np.random.default_rng([self.random_state, offset])
        return Ways(rng, unwatched if offset else self.watch)

    def _split(self, whole: Part, strata: np.ndarray, ways: Ways) -> tuple[Part, Part]:
        mask = held_out(strata, self.plan.validation_size, ways.rng)
        return whole.take(~mask), whole.take(mask)


@dataclass
class ClassifierTrainer(Trainer):
    """Makes a classifier with probabilities."""

    def fit(self, rows: np.ndarray, labels: np.ndarray) -> Self:
        """Train on rows [n, features]."""
        classes, targets = np.unique(labels, return_inverse=True)
        weights = self.weights(np.bincount(targets))
        whole = Part(rows, targets, None if weights is None else weights[targets])
        ways = self._ways()
        parts = self._split(whole, targets, ways)
        return self._made(
            classes,
            parts,
            ways,
            lambda learner, best: self._unseen(learner, best, classes, (whole, parts[1])),
        )

    def fit_parts(self, classes: np.ndarray, parts: tuple[Source, Part]) -> Self:
        """Train on rows wherever they are; the others are watched, and calibrated by.

        Targets are places in `classes`, which are sorted.
        """
        ways = self._ways()
        # Of classes of a single row none can be kept apart.
        seen = parts[1] if len(parts[1]) else parts[0].some(CALIBRATION_ROWS, self._ways(1).rng)
        return self._made(
            classes,
            parts,
            ways,
            lambda learner, _: (learner.scores(seen.rows), seen.targets, seen.weights),
        )

    def weights(self, sizes: np.ndarray) -> np.ndarray | None:
        """Return what a row of each class counts, from the rows of each; None: all the same."""
        if self.settings.get("class_weight") is None:
            return None
        return np.asarray(sizes.sum() / (len(sizes) * sizes))

    def _made(
        self, classes: np.ndarray, parts: tuple[Source, Part], ways: Ways, unseen: Unseen
    ) -> Self:
        learner = self._learner(classes, len(parts[0]))
        best = learn(learner, parts, self.plan, ways)
        if isinstance(learner, RowClassifier):
            self.fitted_ = learner.plain(calibrate(*unseen(learner, best)))
        else:
            self.fitted_ = learner.plain()
        return self

    def _learner(self, classes: np.ndarray, rows: int) -> RowClassifier | GradientClassifier:
        if self.kind in CLASSIFIERS:
            return RowClassifier(self.kind, self.settings, self.random_state, classes)
        return GradientClassifier(self.settings, self.random_state, rows, classes)

    def _unseen(
        self,
        learner: RowClassifier,
        epochs: int,
        classes: np.ndarray,
        parts: tuple[Part, Part],
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return scores, targets and weights of rows that were scored by who had not seen them."""
        whole, apart = parts
        if len(apart) >= CALIBRATION_ROWS:
            return learner.scores(apart.rows), apart.targets, apart.weights
        plan = self.plan.model_copy(update={"epochs": epochs, "early_stopping": False})
        scores = np.zeros((len(whole.rows), len(classes)))
        folds = _folds(whole.targets, self._ways(1).rng)
        for fold in np.unique(folds).tolist():  # of two rows there are two
            ways, mine = self._ways(2 + fold), folds == fold
            other = RowClassifier(self.kind, self.settings, self.random_state, classes)
            learn(other, (whole.take(~mine), whole.take(mine[:0])), plan, ways)
            scores[mine] = other.scores(whole.rows[mine])
        return scores, whole.targets, whole.weights


def _folds(targets: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the fold of each row: every class is dealt out evenly, in a drawn order."""
    order = rng.permutation(len(targets))
    by_class = order[np.argsort(targets[order], kind="stable")]
    folds = np.empty(len(targets), dtype=int)
    folds[by_class] = np.arange(len(targets)) % FOLDS
    return folds


@dataclass
class RegressorTrainer(Trainer):
    """Makes a model that answers with a number; it learns the target with mean 0 and spread 1."""

    def fit(self, rows: np.ndarray, targets: np.ndarray) -> Self:
        """Train on rows [n, features]."""
        mean, spread = float(targets.mean()), float(targets.std()) or 1.0
        ways = self._ways()
        parts = self._split(Part(rows, (targets - mean) / spread), np.zeros(len(rows)), ways)
        return self._made((mean, spread), parts, ways)

    def fit_parts(self, unit: tuple[float, float], parts: tuple[Source, Part]) -> Self:
        """Train on rows wherever they are; the others are watched.

        `unit`: mean and spread of the target, which has the mean 0 and the spread 1 in the parts.
        """
        return self._made(unit, parts, self._ways())

    def _made(self, unit: tuple[float, float], parts: tuple[Source, Part], ways: Ways) -> Self:
        learner = self._learner(len(parts[0]))
        learn(_InUnits(learner, unit[1]), parts, self.plan, ways)
        self.fitted_ = learner.plain(*unit)
        return self

    def _learner(self, rows: int) -> RowRegressor | GradientRegressor:
        if self.kind in CLASSIFIERS:
            return RowRegressor(self.kind, self.settings, self.random_state)
        return GradientRegressor(self.settings, self.random_state, rows)


class _InUnits:
    """A learner that tells its error in the target's own units as well."""

    def __init__(self, learner: RowRegressor | GradientRegressor, spread: float) -> None:
        self._learner, self._spread = learner, spread
        self.epoch, self.state, self.recall = learner.epoch, learner.state, learner.recall

    def measure(self, part: Part) -> dict[str, float]:
        errors = self._learner.model.predict(part.rows) - part.targets
        rmse = float(np.sqrt(np.mean(np.square(errors)))) * self._spread
        return {**self._learner.measure(part), "rmse": rmse}
