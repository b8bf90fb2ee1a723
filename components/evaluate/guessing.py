"""Whether a model is any better than one that says the same of every row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from components.evaluation import Evaluation
from components.scores import Answers
from serving.figures import figure

_REMEDY = "there is little to learn in this data, or too little of it"


def of_classes(answers: Answers) -> Iterator[str]:
    """Yield a warning where the most frequent class alone is right as often as the model."""
    sizes = np.bincount(answers.truth, minlength=len(answers.labels))
    accuracy, guess = float(answers.right.mean()), float(sizes.max() / sizes.sum())
    if accuracy <= guess:
        label = answers.labels[int(sizes.argmax())]
        yield (
            f"warning: accuracy {figure(accuracy)} is no better than always saying {label!r}, "
            f"which has {figure(guess)}: {_REMEDY}."
        )


def of_numbers(evaluation: Evaluation) -> Iterator[str]:
    """Yield a warning where the mean of the test rows alone is as near as the model."""
    share = evaluation.candidate.get("r2", 1.0)
    if share <= 0:
        yield f"warning: r2 {figure(share)} is no better than always saying the mean: {_REMEDY}."
