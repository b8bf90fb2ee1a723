"""Evaluate with files: a trained model and the test part in, scores and a report out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from components import (
    evaluation,
    number_scores,
    paired,
    preprocessing,
    rows,
    scores,
    telling,
    trained,
)
from components.evaluate import champion, guessing, numbers, rules, slices
from components.evaluate.about import Beside
from components.evaluate.champion import Champion
from components.evaluate.importance import Asked, importances
from components.evaluate.live import with_live
from components.evaluate.numbers import Estimated
from components.evaluate.rules import Judged
from components.evaluation import ChampionScores
from components.number_scores import Estimates
from components.paired import Paired
from components.report import Picture, Report, html
from components.rows import Rows
from components.trained import Training
from serving.signature import Signature
from serving.storage import partial

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class Inputs:
    """The trained model, the test part, and the name under which a champion may serve.

    `overlap`: how many of the test rows are training rows, too.
    """

    model: Path
    test: Path
    name: str
    overlap: int = 0


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


@dataclass(frozen=True)
class Candidate:
    """A trained model and its raw answers to the test rows: probabilities [n, k] or numbers."""

    pipeline: Pipeline
    signature: Signature
    training: Training
    curves: Mapping[str, Sequence[float]]
    given: Rows
    raw: np.ndarray
    overlap: int

    def ask(self, cells: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the raw answers to other cells."""
        return preprocessing.ask(self.pipeline, preprocessing.frame(self.signature.inputs, cells))


def run(
    inputs: Inputs, outputs: Outputs, champion_of: Callable[[str], Champion | None]
) -> Judged | Estimated:
    """Score candidate and champion on the same rows; write the evaluation and the report."""
    candidate = _candidate(inputs)
    serving = champion_of(inputs.name)
    if candidate.signature.is_number:
        return _estimate(inputs.name, candidate, outputs, serving)
    return _judge(inputs.name, candidate, outputs, serving)


def _candidate(inputs: Inputs) -> Candidate:
    given, signature = rows.part(inputs.test), trained.read_signature(inputs.model)
    pipeline, training = trained.load_pipeline(inputs.model), trained.read_training(inputs.model)
    curves = trained.read_history(inputs.model)
    if len(given.labels) < given.schema.rows:
        telling.note(f"asked about test rows: {given.told}")
    raw = preprocessing.ask(pipeline, preprocessing.frame(signature.inputs, given.cells))
    return Candidate(pipeline, signature, training, curves, given, raw, inputs.overlap)


def _judge(name: str, candidate: Candidate, outputs: Outputs, serving: Champion | None) -> Judged:
    given = candidate.given
    answers = scores.answers(given.labels, candidate.raw, candidate.signature.labels)
    ask = champion.of_rows(given)
    compared = with_live(champion.score(serving, ask, answers), name) if serving else None
    judged = judged_of(answers, compared, _beside_classes(candidate, answers))
    write_judged(outputs, (judged, candidate.raw), rules.pictures(judged), (name, given.cells))
    return judged


def judged_of(answers: scores.Answers, compared: ChampionScores | None, beside: Beside) -> Judged:
    """Return everything that answers tell about a candidate."""
    return Judged(
        answers,
        evaluation.Evaluation(scores.measure(answers), len(answers.truth), compared),
        scores.by_class(answers),
        scores.confusion(answers),
        scores.roc(answers),
        scores.precision_recall(answers),
        scores.reliability(answers),
        beside,
    )


def write_judged(
    outputs: Outputs,
    found: tuple[Judged, np.ndarray],
    pictures: Mapping[str, Picture],
    about: tuple[str, Mapping[str, np.ndarray]],
) -> None:
    """Write the evaluation directory and the report, and say the scores.

    `found`: what was found out, and the model's own probabilities; `pictures`: by file name;
    `about`: the model's name, and the cells that tell a reader which row is meant.
    """
    judged, raw = found
    page = _Page(pictures, rules.report(about[0], judged, about[1]))
    answers = _Answers(_label_rows(judged.answers, raw), _paired(judged))
    _write(outputs, page, judged.evaluation, answers)
    for sentence in (rules.told(judged.evaluation), *guessing.of_classes(judged.answers)):
        telling.note(sentence)


def _estimate(
    name: str, candidate: Candidate, outputs: Outputs, serving: Champion | None
) -> Estimated:
    given = candidate.given
    estimates = number_scores.estimates(given.labels, candidate.raw)
    ask = champion.of_rows(given)
    compared = None
    if serving:
        compared = with_live(champion.score_numbers(serving, ask, estimates), name)
    found = evaluation.Evaluation(number_scores.measure(estimates), len(given.labels), compared)
    beside = _beside_numbers(candidate, estimates)
    estimated = Estimated(estimates, found, beside)
    page = _Page(numbers.pictures(estimated), numbers.report(name, estimated, given.cells))
    columns = {"truth": estimates.truth, "predicted": estimates.predicted}
    _write(outputs, page, found, _Answers(columns, _paired(estimated)))
    for sentence in (numbers.told(found), *guessing.of_numbers(found)):
        telling.note(sentence)
    return estimated


def _beside_classes(candidate: Candidate, answers: scores.Answers) -> Beside:
    given, inputs = candidate.given, candidate.signature.inputs
    # Only classes that the model knows can be told; the others are as wrong, shuffled or not.
    known = answers.truth < candidate.raw.shape[1]
    truth, cells = answers.truth[known], {k: v[known] for k, v in given.cells.items()}
    asked = Asked(candidate.ask, lambda raw, which: scores.brier(raw, truth[which]))
    worth = importances(asked, cells, candidate.training.random_state)
    right = slices.of_right(inputs, given.cells, answers.right)
    return Beside(worth, right, candidate.training, candidate.curves, candidate.overlap)


def _beside_numbers(candidate: Candidate, estimates: Estimates) -> Beside:
    given, inputs = candidate.given, candidate.signature.inputs
    truth = estimates.truth
    asked = Asked(candidate.ask, lambda raw, which: numbers.rmse(raw[:, 0], truth[which]))
    worth = importances(asked, given.cells, candidate.training.random_state)
    errors = slices.of_errors(inputs, given.cells, estimates.errors)
    return Beside(worth, errors, candidate.training, candidate.curves, candidate.overlap)


def show(judged: Judged | Estimated, metrics: Metrics, classification: Classification) -> None:
    """Put the numbers, the confusion matrix and the ROC curve where the pipeline's UI shows them.

    Estimated numbers have neither a matrix nor a curve.
    These artifacts have no file of their own; without one, kfp.local never reuses a result.
    """
    for name, value in judged.evaluation.candidate.items():
        metrics.log_metric(name, value)
    if isinstance(judged, Judged):
        classification.log_confusion_matrix(*rules.folded(judged.confusion, judged.answers.labels))
        if curve := judged.curve:
            points = (curve.false_positive, curve.true_positive, curve.thresholds)
            classification.log_roc_curve(*(list(part) for part in points))
    for artifact in (metrics, classification):
        Path(artifact.path).touch()


@dataclass(frozen=True)
class _Page:
    pictures: Mapping[str, Picture]
    report: Report


@dataclass(frozen=True)
class _Answers:
    """The candidate's answers as columns to read, and both models' for the gate."""

    columns: Mapping[str, np.ndarray]
    paired: Paired


def _paired(found: Judged | Estimated) -> Paired:
    mine = found.answers if isinstance(found, Judged) else found.estimates
    serving = found.evaluation.champion
    return Paired(mine, serving.answers if serving else None)


def _label_rows(answers: scores.Answers, raw: np.ndarray) -> dict[str, np.ndarray]:
    labels = np.array([str(label) for label in answers.labels])
    shares = {f"p_{place}": raw[:, place] for place in range(raw.shape[1])}
    return {"truth": labels[answers.truth], "predicted": labels[answers.predicted], **shares}


def _write(
    outputs: Outputs,
    page: _Page,
    found: evaluation.Evaluation,
    answers: _Answers,
) -> None:
    with partial(outputs.evaluation) as unfinished:
        plots = unfinished / evaluation.PLOTS
        plots.mkdir(parents=True)
        for name, picture in page.pictures.items():
            (plots / f"{name}.png").write_bytes(picture.png)
        evaluation.write_predictions(unfinished, answers.columns)
        paired.write(unfinished, answers.paired)
        evaluation.write_scores(unfinished, found)
    with partial(outputs.report) as unfinished:
        text = html(page.report.with_pictures(list(page.pictures.values())))
        unfinished.write_text(text, encoding="utf-8")
