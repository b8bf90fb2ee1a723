"""The champion's answers to the candidate's test rows, by the very model that serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np

from components import number_scores, scores
from components.evaluate import rules
from components.evaluation import ChampionScores
from components.number_scores import Estimates
from components.rows import Rows
from serving import artifact, storage
from serving.card import parse_card
from serving.errors import KanaryaError, ModelError
from serving.image_signature import IMAGE, encode_images
from serving.plain_files import JSON_LIMIT
from serving.sealed import verified
from serving.signature import Signature, encode


class Champion(Protocol):
    """A version that serves, and where its model directory is (`components.registry`)."""

    @property
    def version(self) -> str:
        """Its number."""

    @property
    def uri(self) -> str:
        """Its model directory."""


Predict = Callable[[Mapping[str, np.ndarray]], np.ndarray]
Ask = Callable[[Signature, Predict], np.ndarray]
"""Returns a model's probabilities for the test rows: it encodes them as the signature says."""

ASKED = 256
"""Images that a model is asked about at a time."""


def of_rows(given: Rows) -> Ask:
    """Return how a model is asked about rows of a table."""
    kinds = {column.name: column.kind for column in given.schema.inputs}

    def ask(signature: Signature, predict: Predict) -> np.ndarray:
        for column in signature.inputs:
            now = kinds.get(column.name, column.kind)
            if (now == "text") is not (column.kind == "text"):
                raise ModelError(
                    f"It learned from {column.name!r} as {column.kind}, which is {now} in this "
                    "data."
                )
        return predict(encode(signature.inputs, given.cells))

    return ask


def of_images(pixels: np.ndarray) -> Ask:
    """Return how a model is asked about images, uint8 [n, height, width, channels]."""

    def ask(signature: Signature, predict: Predict) -> np.ndarray:
        image = signature.image
        if image is None or image.shape != pixels.shape[1:]:
            raise ModelError(f"It takes {image or 'columns'}, not images of {pixels.shape[1:]}.")
        parts = (pixels[at : at + ASKED] for at in range(0, len(pixels), ASKED))
        return np.concatenate([predict({IMAGE: encode_images(image, part)}) for part in parts])

    return ask


def score(champion: Champion, ask: Ask, candidate: scores.Answers) -> ChampionScores:
    """Return the champion's scores on the same rows, or the reason why there are none.

    A champion that cannot be asked is a fact for the gate, which then promotes nothing; it is no
    reason to lose the evaluation of the candidate.
    """
    try:
        answers = _answers(champion, ask, candidate)
    except KanaryaError as error:
        return ChampionScores(champion.version, error=str(error))
    mine = [candidate.labels[place] for place in candidate.predicted]
    theirs = [answers.labels[place] for place in answers.predicted]
    measured = scores.measure(answers)
    agreement = rules.agreement(mine, theirs)
    return ChampionScores(champion.version, measured, agreement, answers=answers)


def score_numbers(champion: Champion, ask: Ask, candidate: Estimates) -> ChampionScores:
    """Return the champion's scores on the same rows, as `score` does, of estimated numbers."""
    try:
        signature, raw = _asked(champion, ask)
        if not signature.is_number:
            raise ModelError("It tells classes, and numbers are asked for.")
        theirs = number_scores.estimates(candidate.truth, raw)
    except KanaryaError as error:
        return ChampionScores(champion.version, error=str(error))
    return ChampionScores(champion.version, number_scores.measure(theirs), answers=theirs)


def _answers(champion: Champion, ask: Ask, candidate: scores.Answers) -> scores.Answers:
    truth = np.array([candidate.labels[place] for place in candidate.truth])
    signature, raw = _asked(champion, ask)
    if signature.is_number:
        raise ModelError("It answers with a number, and classes are asked for.")
    if not set(candidate.labels) & set(signature.labels):
        ours, theirs = candidate.labels[:5], signature.labels[:5]
        raise ModelError(f"It knows other labels, {theirs}, than this data, {ours}.")
    return scores.answers(truth, raw, signature.labels)


def _asked(champion: Champion, ask: Ask) -> tuple[Signature, np.ndarray]:
    """Return what the champion takes, and its raw answers to the test rows."""
    from serving import answering

    with TemporaryDirectory() as scratch:
        directory = storage.fetch(champion.uri, Path(scratch) / "champion")
        sealed = verified(directory)
        card = parse_card(sealed.read(artifact.CARD, JSON_LIMIT), directory)
        model = answering.of(sealed, card.runtime)
        return card.signature, ask(card.signature, model.predict)
