"""What an evaluation says: answers and scores in, a report and KFP's tables out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components import plots
from components.evaluation import ChampionScores, Evaluation
from components.metrics import LOWER_IS_BETTER, METRICS
from components.report import Picture, Report, Table
from components.scores import Answers, ClassScores, Curve
from components.trained import Training
from serving.signature import Label

SHOWN_CLASSES = 50
SHOWN_MISTAKES = 10
SHOWN_COLUMNS = 8
OTHER = "(other)"


@dataclass(frozen=True)
class Judged:
    """Everything that was found out about a candidate on the test part."""

    answers: Answers
    evaluation: Evaluation
    classes: tuple[ClassScores, ...]
    confusion: np.ndarray
    curve: Curve | None


def told(evaluation: Evaluation) -> str:
    """Return the scores that people ask for first, in one line."""
    shown = [
        m for m in ("accuracy", "f1_macro", "roc_auc", "log_loss") if m in evaluation.candidate
    ]
    scores = ", ".join(f"{metric} {evaluation.candidate[metric]:.4g}" for metric in shown)
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
    }
    if judged.curve:
        area = judged.evaluation.candidate.get("roc_auc") if len(answers.labels) == 2 else None
        found["roc"] = Picture("ROC curve", plots.roc(judged.curve, area))
    return found


def report(
    name: str, training: Training, judged: Judged, cells: Mapping[str, np.ndarray]
) -> Report:
    """Return the report but for its pictures."""
    evaluation = judged.evaluation
    accuracy, right = evaluation.candidate["accuracy"], int(judged.answers.right.sum())
    tables = [
        _metrics(evaluation),
        _classes(judged.classes),
        _mistakes(judged.answers, cells),
        _origin(training, evaluation.rows),
    ]
    return Report(
        title=f"{name}: {training.kind}",
        lead=f"{right} of {evaluation.rows} test rows right (accuracy {accuracy:.4f}).",
        tables=tables,
        notes=[*training.notes, *_champion_note(evaluation.champion)],
    )


def _champion_note(champion: ChampionScores | None) -> list[str]:
    if champion is None or champion.error is None:
        return []
    return [f"The champion, version {champion.version}, could not be scored: {champion.error}"]


def _metrics(evaluation: Evaluation) -> Table:
    champion = evaluation.champion or ChampionScores("")
    theirs = champion.metrics or {}
    rows = [
        [metric, evaluation.candidate[metric], *_compared(evaluation.candidate, theirs, metric)]
        for metric in METRICS
        if metric in evaluation.candidate
    ]
    if not theirs:
        return Table("Metrics", ("metric", "candidate"), [row[:2] for row in rows], _which())
    columns = ("metric", "candidate", f"champion (version {champion.version})", "difference")
    agree = f"The two agree on {champion.agreement:.1%} of the rows." if champion.agreement else ""
    return Table("Metrics", columns, rows, f"{_which()} {agree}")


def _which() -> str:
    return f"Higher is better, but for {', '.join(sorted(LOWER_IS_BETTER))}."


def _compared(
    mine: Mapping[str, float], theirs: Mapping[str, float], metric: str
) -> list[float | str | None]:
    if metric not in theirs:
        return [None, None]
    return [theirs[metric], f"{mine[metric] - theirs[metric]:+.4f}"]


def _classes(classes: Sequence[ClassScores]) -> Table:
    shown = sorted(classes, key=lambda scores: -scores.rows)[:SHOWN_CLASSES]
    rows = [[str(c.label), c.rows, c.precision, c.recall, c.f1] for c in classes if c in shown]
    left_out = len(classes) - len(rows)
    about = f"The {left_out} rarest classes are left out." if left_out else ""
    return Table("Classes", ("class", "test rows", "precision", "recall", "F1"), rows, about)


def worst(answers: Answers) -> np.ndarray:
    """Return the rows that were answered wrongly, the surest first."""
    wrong = np.flatnonzero(~answers.right)
    highest = answers.probabilities.max(axis=1)
    return np.asarray(wrong[np.argsort(-highest[wrong], kind="stable")])


def _mistakes(answers: Answers, cells: Mapping[str, np.ndarray]) -> Table:
    highest = answers.probabilities.max(axis=1)
    names = list(cells)[:SHOWN_COLUMNS]
    rows = [
        [
            int(row) + 1,
            str(answers.labels[answers.truth[row]]),
            str(answers.labels[answers.predicted[row]]),
            float(highest[row]),
            *(_cell(cells[name][row]) for name in names),
        ]
        for row in worst(answers)[:SHOWN_MISTAKES]
    ]
    columns = ("test row", "true", "predicted", "probability", *names)
    return Table("Most confident mistakes", columns, rows)


def _cell(value: object) -> object:
    plain = value.item() if isinstance(value, np.generic) else value
    return None if plain is None or plain != plain else plain


def _origin(training: Training, test_rows: int) -> Table:
    rows: list[tuple[str, object]] = [
        ("target", training.target),
        ("training rows", training.rows),
        ("test rows", test_rows),
        ("seconds of training", training.seconds),
        ("random state", training.random_state),
        *((f"hyperparameter {key}", value) for key, value in training.hyperparameters.items()),
        ("sha256 of the data", training.data_sha256),
        *((f"version of {key}", value) for key, value in training.libraries.items()),
    ]
    return Table("How it was made", ("what", "value"), [[what, str(value)] for what, value in rows])
