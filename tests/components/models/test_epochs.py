"""When a training by epochs ends, which epoch wins, and what is watched."""

from __future__ import annotations

import math

import numpy as np
import pytest

from components.models.epochs import Epoch, Part, Ways, held_out, learn
from components.models.hyperparameters import Mlp
from components.models.pipelines import build

ROWS = Part(np.zeros((3, 1), np.float32), np.zeros(3))
NOTHING = ROWS.take(np.zeros(0, dtype=int))


class Scripted:
    """A learner whose losses are written down."""

    def __init__(self, losses: list[float]) -> None:
        self.losses, self.done = losses, 0

    def epoch(self, part: Part, rng: np.random.Generator) -> None:
        self.done += 1

    def measure(self, part: Part) -> dict[str, float]:
        return {"loss": self.losses[self.done - 1]}

    def state(self) -> int:
        return self.done

    def recall(self, state: int) -> None:
        self.done = state


@pytest.mark.parametrize(
    ("losses", "asked", "epochs", "wins"),
    [
        ([5, 4, 3, 2], {"patience": 2}, 4, 4),
        ([5, 4, 4, 4, 1], {"patience": 2}, 4, 2),
        ([5, 4, 4, 3, 9], {"patience": 2}, 5, 4),
        ([5, 3.9999999, 3.9999998, 3.9999997], {"patience": 2}, 4, 2),  # it fell by nothing
        ([0.1, 5, 9], {"early_stopping": False}, 3, 3),
        ([7], {"patience": 1}, 1, 1),
        ([-1, -2, -2, -2], {"patience": 2}, 4, 2),
    ],
)
def test_it_stops_when_patience_ends_and_the_best_epoch_wins(
    losses: list[float], asked: dict[str, object], epochs: int, wins: int
) -> None:
    seen: list[Epoch] = []
    learner = Scripted(losses)
    plan = Mlp(epochs=len(losses), **asked)  # type: ignore[arg-type]
    best = learn(learner, (ROWS, ROWS), plan, Ways(np.random.default_rng(0), seen.append))
    assert (len(seen), best, learner.done) == (epochs, wins, wins)


def test_without_validation_rows_the_last_epoch_wins_and_only_training_is_told() -> None:
    seen: list[Epoch] = []
    ways = Ways(np.random.default_rng(0), seen.append)
    assert learn(Scripted([1, 2, 3]), (ROWS, NOTHING), Mlp(epochs=3), ways) == 3
    assert [set(epoch.values) for epoch in seen] == [{"train_loss"}] * 3


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_leaves_the_numbers_stops_it_with_a_remedy(loss: float) -> None:
    ways = Ways(np.random.default_rng(0), lambda _: None)
    with pytest.raises(ValueError, match="train_loss is .* after epoch 2; lower learning_rate"):
        learn(Scripted([1, loss]), (ROWS, ROWS), Mlp(epochs=9), ways)


@pytest.mark.filterwarnings("ignore:.* encountered in")
def test_weights_that_leave_the_numbers_stop_it_with_the_same_remedy() -> None:
    asked = {"learning_rate": 10, "optimizer": "sgd"}
    model = build("mlp", asked, (), 3, "tabular-regression").named_steps["model"]
    rows = np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32)
    with pytest.raises(ValueError, match=r"left the finite numbers in .* lower learning_rate"):
        model.fit(rows, rows.sum(axis=1).astype(np.float64))


@pytest.mark.parametrize(
    ("sizes", "share", "expected"),
    [
        ([50, 10], 0.1, [5, 1]),
        ([50, 4, 1], 0.1, [5, 0, 0]),
        ([2, 1], 0.5, [1, 0]),  # never a whole class
        ([3], 0.0, [0]),
    ],
)
def test_every_class_is_watched_by_its_share_and_none_is_lost(
    sizes: list[int], share: float, expected: list[int]
) -> None:
    strata = np.repeat(np.arange(len(sizes)), sizes)
    mask = held_out(strata, share, np.random.default_rng(4))
    assert np.bincount(strata[mask], minlength=len(sizes)).tolist() == expected


@pytest.mark.parametrize("kind", ["linear_svm", "perceptron", "passive_aggressive"])
def test_a_row_of_each_of_two_classes_is_enough(kind: str) -> None:
    trainer = build(kind, {}, (), 3).named_steps["model"]
    made = trainer.fit(np.eye(2, dtype=np.float32), np.array(["no", "yes"])).fitted_
    assert made.predict_proba(np.eye(2)).sum(axis=1) == pytest.approx(1)
