"""Hyperparameters of networks, the learning rate's cycle, and what an epoch says."""

import pytest

from components import image_models
from components.keras_training import rate
from components.train import rules
from serving.errors import UsageError


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("cnm", {}, "no model kind 'cnm'; did you mean cnn"),
        ("cnn", {"epoch": 3}, "no hyperparameter 'epoch'; did you mean epochs"),
        ("cnn", {"epochs": 0}, "hyperparameter epochs is 0"),
        ("cnn", {"epochs": 2.5}, "hyperparameter epochs is 2.5"),
        ("cnn", {"batch_size": 1}, "hyperparameter batch_size is 1"),
        ("cnn", {"learning_rate": -1}, "hyperparameter learning_rate is -1"),
        ("cnn", {"learning_rate": float("nan")}, "hyperparameter learning_rate is nan"),
        ("cnn", {"dropout": 1}, "hyperparameter dropout is 1"),
        ("cnn", {"width": "wide"}, "hyperparameter width is 'wide'"),
        ("cnn", {"flip": "left"}, "hyperparameter flip is 'left'"),
    ],
)
def test_what_no_network_can_be_made_of_is_refused(
    kind: str, given: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        image_models.parse(kind, given)


def test_numbers_of_kfp_which_are_floats_are_taken() -> None:
    assert image_models.parse("cnn", {"epochs": 3.0, "width": 8.0}).model_dump()["epochs"] == 3


def test_the_learning_rate_rises_to_its_peak_and_falls_to_nearly_nothing() -> None:
    rates = [rate(step, 100, 0.5) for step in range(100)]
    assert max(rates) == pytest.approx(0.5)
    top = rates.index(max(rates))
    assert 18 <= top <= 21
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert 0 < rates[-1] < 0.01


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_training_has_a_rate_too(steps: int) -> None:
    assert all(0 < rate(step, steps, 0.5) <= 0.5 for step in range(steps))


def test_an_epoch_is_one_line() -> None:
    measured = {"train_loss": 1.25, "train_accuracy": 0.75, "validation_accuracy": 0.5}
    assert rules.epoch(2, 4, measured) == (
        "epoch 2 of 4: train loss 1.2500, train accuracy 0.7500, validation accuracy 0.5000"
    )
