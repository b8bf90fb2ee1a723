"""Evaluate on images with files: a trained network and test images in, scores and a report out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from components import image_dataset, keras_conversion, keras_tracking, plots, scores, trained
from components.evaluate import champion, rules
from components.evaluate.about import Beside
from components.evaluate.champion import Champion
from components.evaluate.live import with_live
from components.evaluate.rules import Judged
from components.evaluate.step import Inputs, Outputs, judged_of, show, write_judged
from components.image_dataset import Images
from components.report import Picture
from components.scores import Answers
from serving.artifact import NATIVE
from serving.image_signature import encode_images

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Inputs", "Outputs", "run", "show"]

ASKED = 2048
"""Images that are in memory as float32 at a time."""
SHOWN_MISTAKES, COLUMNS = 40, 8


def run(inputs: Inputs, outputs: Outputs, champion_of: Callable[[str], Champion | None]) -> Judged:
    """Score candidate and champion on the same images; write the evaluation and the report."""
    given = image_dataset.read(inputs.test)
    labels = trained.read_signature(inputs.model).labels
    probabilities = asked(inputs.model, given)
    truth = np.array([given.schema.labels[place] for place in given.classes])
    answers = scores.answers(truth, probabilities, labels)
    serving = champion_of(inputs.name)
    ask = champion.of_images(given.pixels)
    compared = None
    if serving:
        compared = with_live(champion.score(serving, ask, answers), inputs.name)
    judged = judged_of(answers, compared, _beside(inputs))
    pictures = {**rules.pictures(judged), "mistakes": _mistakes(given, answers)}
    names = {"picture": np.array(given.names, dtype=object)}
    write_judged(outputs, (judged, probabilities), pictures, (inputs.name, names))
    return judged


def _beside(inputs: Inputs) -> Beside:
    """Return what is known beside the scores: pictures have no columns to look at alone."""
    training, curves = trained.read_training(inputs.model), trained.read_history(inputs.model)
    return Beside((), (), training, curves, inputs.overlap)


def asked(model: Path, given: Images) -> np.ndarray:
    """Return a trained network's own probabilities for all images, float32 [n, k]."""
    network = keras_conversion.load(model / NATIVE / keras_tracking.KERAS_FILE)
    image = trained.read_signature(model).image
    assert image is not None
    parts = (given.pixels[at : at + ASKED] for at in range(0, given.schema.rows, ASKED))
    return np.concatenate(
        [keras_conversion.probabilities(network, encode_images(image, part)) for part in parts]
    )


def _mistakes(given: Images, answers: Answers) -> Picture:
    mistakes = [(given.pixels[row], _line(answers, row)) for row in rules.worst(answers)]
    sheet = plots.sheet(mistakes[:SHOWN_MISTAKES], COLUMNS)
    return Picture("The most confident mistakes", sheet)


def _line(answers: Answers, row: int) -> str:
    labels: Sequence[object] = answers.labels
    predicted = answers.predicted[row]
    sure = answers.probabilities[row, predicted]
    return f"{labels[answers.truth[row]]}\nsaid {labels[predicted]}\n{sure:.1%} sure"
