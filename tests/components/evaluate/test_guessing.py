from __future__ import annotations

import numpy as np
import pytest

from components.evaluate import guessing
from components.evaluation import Evaluation
from components.scores import Answers


@pytest.mark.parametrize(
    ("truth", "predicted", "said"),
    [
        ([0, 0, 1], [0, 0, 1], []),
        ([0, 0, 1], [0, 0, 0], ["accuracy 0.6667 is no better than always saying 'no', which"]),
        ([0, 1], [1, 0], ["accuracy 0 is no better than always saying 'no', which has 0.5:"]),
        ([1, 1, 0, 0], [1, 1, 0, 1], []),
    ],
)
def test_a_model_of_classes_must_beat_the_most_frequent_one(
    truth: list[int], predicted: list[int], said: list[str]
) -> None:
    shares = np.eye(2)[predicted]
    answers = Answers(("no", "yes"), np.array(truth), np.array(predicted), shares)
    found = [*guessing.of_classes(answers)]
    assert len(found) == len(said)
    assert all(part in sentence for part, sentence in zip(said, found, strict=True))


@pytest.mark.parametrize(
    ("metrics", "warned"), [({"r2": 0.1}, 0), ({"r2": 0.0}, 1), ({"r2": -3.0}, 1), ({}, 0)]
)
def test_a_model_of_numbers_must_beat_their_mean(metrics: dict[str, float], warned: int) -> None:
    assert len([*guessing.of_numbers(Evaluation(metrics, 9))]) == warned
