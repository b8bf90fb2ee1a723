"""What an evaluation says: answers and scores in, a report and KFP's tables out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components import plots
from components.evaluate import about, slices
from components.evaluate.about import SHOWN_COLUMNS, Beside
from components.evaluation import Evaluation
from components.report import Picture, Report, Table
from components.scores import Answers, ClassScores, Curve, PrecisionRecall, Reliability
from serving.figures import figure
from serving.intervals import wilson
from serving.signature import Label

SHOWN_CLASSES = 50
SHOWN_MISTAKES = 10
OTHER = "(other)"


@dataclass(frozen=True)
class Judged:
    """Everything that was found out about a candidate on the test part."""

    answers: Answers
    evaluation: Evaluation
    classes: tuple[ClassScores, ...]
    confusion: np.ndarray
    curve: Curve | None
    precision_recall: PrecisionRecall | None
    reliability: Reliability
    beside: Beside


def told(evaluation: Evaluation) -> str:
    """Return the scores that people ask for first, in one line."""
    shown = [
        m for m in ("accuracy", "f1_macro", "roc_auc", "log_loss") if m in evaluation.candidate
    ]
    scores = ", ".join(f"{metric} {figure(evaluation.candidate[metric])}" for metric in shown)
    return f"{scores} on {evaluation.rows} test rows"


def agreement(mine: Sequence[Label], theirs: Sequence[Label]) -> float:
    """Return the share of rows on which two models give the same label."""
    return float(np.mean([a == b for a, b in zip(mine, theirs, strict=True)]))


def folded(counts: np.ndarray, labels: Sequence[Label]) -> tuple[list[str], list[list[int]]]:
    """Return the confusion matrix for a screen: beyond `SHOWN_CLASSES` the rest is one."""
    names = [str(label) for label in labels]
    if len(names) <= SHOWN_CLASSES:
        return names, counts.astype(int).tolist()
    order = np.argsort(-counts.sum(axis=1), kind="stable")
    kept, rest = np.sort(order[: SHOWN_CLASSES - 1]), order[SHOWN_CLASSES - 1 :]
    place = np.zeros(len(names), dtype=int)
    place[kept], place[rest] = np.arange(len(kept)), len(kept)
    small = np.zeros((len(kept) + 1, len(kept) + 1), dtype=int)
    np.add.at(small, (place[:, None], place[None, :]), counts.astype(int))
    return [*(names[i] for i in kept), OTHER], small.tolist()


def pictures(judged: Judged) -> dict[str, Picture]:
    """Return the plots by file name."""
    answers = judged.answers
    names, counts = folded(judged.confusion, answers.labels)
    highest = answers.probabilities.max(axis=1)
    found = {
        "confusion_matrix": Picture("Confusion matrix", plots.confusion(np.array(counts), names)),
        "confidence": Picture("Confidence", plots.confidence(highest, answers.right)),
        "calibration": Picture("Calibration", plots.calibration(judged.reliability)),
    }
    if judged.curve:
        area = judged.evaluation.candidate.get("roc_auc") if len(answers.labels) == 2 else None
        found["roc"] = Picture("ROC curve", plots.roc(judged.curve, area))
    if judged.precision_recall:
        png = plots.precision_recall(judged.precision_recall)
        found["precision_recall"] = Picture("Precision and recall", png)
    return {**found, **about.pictures(judged.beside)}


def report(name: str, judged: Judged, cells: Mapping[str, np.ndarray]) -> Report:
    """Return the report but for its pictures."""
    evaluation, beside = judged.evaluation, judged.beside
    accuracy, right = evaluation.candidate["accuracy"], int(judged.answers.right.sum())
    low, high = wilson(right, evaluation.rows)
    return Report(
        title=f"{name}: {beside.training.kind}",
        lead=f"{right} of {evaluation.rows} test rows right (accuracy {accuracy:.4f}, "
        f"95 % from {low:.4f} to {high:.4f}).",
        tables=[
            about.metrics(evaluation),
            _classes(judged.classes),
            slices.table(beside.slices, "accuracy"),
            about.importances(beside.importances, "Brier score"),
            _mistakes(judged.answers, cells),
            about.origin(beside.training, evaluation.rows),
        ],
        notes=about.notes(evaluation, beside),
    )


def _classes(classes: Sequence[ClassScores]) -> Table:
    shown = sorted(classes, key=lambda scores: -scores.rows)[:SHOWN_CLASSES]
    rows = [_class(scores) for scores in classes if scores in shown]
    left_out = len(classes) - len(rows)
    about = f"The {left_out} rarest classes are left out." if left_out else ""
    heads = ("class", "test rows", "precision", "95 %", "recall", "95 %", "F1")
    return Table("Classes", heads, rows, about)


def _class(scores: ClassScores) -> list[object]:
    precise = _interval(scores.precision * scores.told, scores.told)
    found = _interval(scores.recall * scores.rows, scores.rows)
    return [
        str(scores.label),
        scores.rows,
        scores.precision,
        precise,
        scores.recall,
        found,
        scores.f1,
    ]


def _interval(right: float, rows: int) -> str:
    low, high = wilson(right, rows)
    return f"{low:.3f} to {high:.3f}"


def worst(answers: Answers) -> np.ndarray:
    """Return the rows that were answered wrongly, the surest first."""
    wrong = np.flatnonzero(~answers.right)
    highest = answers.probabilities.max(axis=1)
    return np.asarray(wrong[np.argsort(-highest[wrong], kind="stable")])


def _mistakes(answers: Answers, cells: Mapping[str, np.ndarray]) -> Table:
    highest = answers.probabilities.max(axis=1)
    rows = [
        [
            int(row) + 1,
            str(answers.labels[answers.truth[row]]),
            str(answers.labels[answers.predicted[row]]),
            float(highest[row]),
            *about.cells(row, cells),
        ]
        for row in worst(answers)[:SHOWN_MISTAKES]
    ]
    columns = ("test row", "true", "predicted", "probability", *list(cells)[:SHOWN_COLUMNS])
    return Table("Most confident mistakes", columns, rows)
