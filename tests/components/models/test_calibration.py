"""Scores as probabilities: they tell how often an answer is right, and stay finite."""

from __future__ import annotations

import numpy as np
import pytest

from components.models.calibration import calibrate


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("classes", [2, 4])
def test_the_scale_and_the_biases_that_made_the_labels_are_found(classes: int) -> None:
    rng = np.random.default_rng(1)
    scores, bias = 40 * rng.normal(size=(6000, classes)), np.linspace(-0.5, 0.5, classes)
    probabilities = softmax(scores / 25 + bias)
    truth = np.array([rng.choice(classes, p=row) for row in probabilities])
    found = calibrate(scores, truth)
    assert found.mix == pytest.approx(np.eye(classes) / 25, abs=0.004)
    assert found.bias == pytest.approx(bias, abs=0.12)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_scores_that_separate_the_classes_do_not_become_certainties(size: float) -> None:
    truth = np.array([0, 1] * 10)
    scores = size * np.stack([1.0 - truth, truth], axis=1)
    found = calibrate(scores, truth)
    said = softmax(scores @ found.mix.T + found.bias)[np.arange(20), truth]
    assert said == pytest.approx(11 / 12, abs=1e-3)  # Platt's target: (n + 1) / (n + 2)


def test_scores_that_tell_nothing_become_the_shares_of_the_classes() -> None:
    truth = np.array([0] * 300 + [1] * 100)
    found = calibrate(np.random.default_rng(2).normal(size=(400, 2)), truth)
    assert softmax(found.bias[None, :])[0] == pytest.approx([0.75, 0.25], abs=0.02)


def test_rows_that_count_more_move_the_probabilities() -> None:
    truth = np.array([0] * 300 + [1] * 100)
    weights = np.where(truth == 1, 3.0, 1.0)
    found = calibrate(np.zeros((400, 2)), truth, weights)
    assert softmax(found.bias[None, :])[0] == pytest.approx([0.5, 0.5], abs=0.02)


def test_a_class_between_two_others_is_told_by_their_scores() -> None:
    place = np.random.default_rng(3).uniform(-3, 3, 900)
    truth = np.digitize(place, [-1, 1])
    # The score of the middle class says nothing, as of a hinge that no line can satisfy.
    scores = np.stack([-1 - place, np.full(900, -1.0), place - 1], axis=1)
    found = calibrate(scores, truth)
    assert (softmax(scores @ found.mix.T + found.bias).argmax(axis=1) == truth).mean() > 0.98
