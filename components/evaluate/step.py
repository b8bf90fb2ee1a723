"""Evaluate with files: a trained model and the test part in, scores and a report out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from components import evaluation, preprocessing, rows, scores, telling, trained
from components.evaluate import champion, rules
from components.evaluate.champion import Champion
from components.evaluate.rules import Judged
from components.evaluation import ChampionScores
from components.report import Picture, Report, html
from components.rows import Rows
from serving.storage import partial

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Inputs:
    """The trained model, the test part, and the name under which a champion may serve."""

    model: Path
    test: Path
    name: str


@dataclass(frozen=True)
class Outputs:
    """Where the evaluation directory and the HTML report go."""

    evaluation: Path
    report: Path


class Metrics(Protocol):
    """KFP's artifact of single numbers."""

    path: str

    def log_metric(self, metric: str, value: float) -> None:
        """Add a number."""


class Classification(Protocol):
    """KFP's artifact of a confusion matrix and a ROC curve."""

    path: str

    def log_confusion_matrix(self, categories: list[str], matrix: list[list[int]]) -> None:
        """Add the matrix."""

    def log_roc_curve(self, fpr: list[float], tpr: list[float], threshold: list[float]) -> None:
        """Add the curve."""


def run(inputs: Inputs, outputs: Outputs, champion_of: Callable[[str], Champion | None]) -> Judged:
    """Score candidate and champion on the same rows; write the evaluation and the report."""
    given = rows.read(inputs.test)
    answers, probabilities = _asked(inputs.model, given)
    serving = champion_of(inputs.name)
    compared = champion.score(serving, champion.of_cells(given.cells), answers) if serving else None
    judged = judged_of(answers, compared)
    pictures = rules.pictures(judged)
    training = trained.read_training(inputs.model)
    told = rules.report(inputs.name, training, judged, given.cells)
    write(outputs, (judged, probabilities), told, pictures)
    return judged


def judged_of(answers: scores.Answers, compared: ChampionScores | None) -> Judged:
    """Return everything that answers tell about a candidate."""
    found = evaluation.Evaluation(scores.measure(answers), len(answers.truth), compared)
    return Judged(
        answers, found, scores.by_class(answers), scores.confusion(answers), scores.roc(answers)
    )


def show(judged: Judged, metrics: Metrics, classification: Classification) -> None:
    """Put the numbers, the confusion matrix and the ROC curve where the pipeline's UI shows them.

    These artifacts have no file of their own; without one, kfp.local never reuses a result.
    """
    for name, value in judged.evaluation.candidate.items():
        metrics.log_metric(name, value)
    classification.log_confusion_matrix(*rules.folded(judged.confusion, judged.answers.labels))
    if curve := judged.curve:
        points = (curve.false_positive, curve.true_positive, curve.thresholds)
        classification.log_roc_curve(*(list(part) for part in points))
    for artifact in (metrics, classification):
        Path(artifact.path).touch()


def _asked(model: Path, given: Rows) -> tuple[scores.Answers, np.ndarray]:
    pipeline, signature = trained.load_pipeline(model), trained.read_signature(model)
    frame = preprocessing.frame(signature.inputs, given.cells)
    probabilities = preprocessing.ask(pipeline, frame)
    return scores.answers(given.labels, probabilities, signature.labels), probabilities


def write(
    outputs: Outputs,
    found: tuple[Judged, np.ndarray],
    report: Report,
    pictures: Mapping[str, Picture],
) -> None:
    """Write the evaluation directory and the report, and say the scores.

    `found`: what was found out, and the model's own probabilities; `pictures`: by file name.
    """
    import numpy as np

    judged, probabilities = found

    labels = np.array([str(label) for label in judged.answers.labels])
    with partial(outputs.evaluation) as unfinished:
        plots = unfinished / evaluation.PLOTS
        plots.mkdir(parents=True)
        for name, picture in pictures.items():
            (plots / f"{name}.png").write_bytes(picture.png)
        truth, predicted = labels[judged.answers.truth], labels[judged.answers.predicted]
        evaluation.write_predictions(unfinished, truth, predicted, probabilities)
        evaluation.write_scores(unfinished, judged.evaluation)
    with partial(outputs.report) as unfinished:
        page = html(report.with_pictures(list(pictures.values())))
        unfinished.write_text(page, encoding="utf-8")
    telling.note(rules.told(judged.evaluation))
