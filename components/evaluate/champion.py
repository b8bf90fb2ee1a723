"""The champion's answers to the candidate's test rows, by the very model that serves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np

from components import scores
from components.evaluate import rules
from components.evaluation import ChampionScores
from serving import artifact, storage
from serving.card import parse_card
from serving.errors import KanaryaError, ModelError
from serving.plain_files import JSON_LIMIT
from serving.sealed import verified
from serving.signature import encode


class Champion(Protocol):
    """A version that serves, and where its model directory is (`components.registry`)."""

    @property
    def version(self) -> str:
        """Its number."""

    @property
    def uri(self) -> str:
        """Its model directory."""


def score(
    champion: Champion, cells: Mapping[str, np.ndarray], candidate: scores.Answers
) -> ChampionScores:
    """Return the champion's scores on the same rows, or the reason why there are none.

    A champion that cannot be asked is a fact for the gate, which then promotes nothing; it is no
    reason to lose the evaluation of the candidate.
    """
    try:
        answers = _answers(champion, cells, candidate)
    except KanaryaError as error:
        return ChampionScores(champion.version, error=str(error))
    mine = [candidate.labels[place] for place in candidate.predicted]
    theirs = [answers.labels[place] for place in answers.predicted]
    measured = scores.measure(answers)
    return ChampionScores(champion.version, measured, rules.agreement(mine, theirs))


def _answers(
    champion: Champion, cells: Mapping[str, np.ndarray], candidate: scores.Answers
) -> scores.Answers:
    from serving import answering

    truth = np.array([candidate.labels[place] for place in candidate.truth])
    with TemporaryDirectory() as scratch:
        directory = storage.fetch(champion.uri, Path(scratch) / "champion")
        sealed = verified(directory)
        card = parse_card(sealed.read(artifact.CARD, JSON_LIMIT), directory)
        signature = card.signature
        if not set(candidate.labels) & set(signature.labels):
            ours, theirs = candidate.labels[:5], signature.labels[:5]
            raise ModelError(f"It knows other labels, {theirs}, than this data, {ours}.")
        probabilities = answering.of(sealed, card.runtime).predict(encode(signature.inputs, cells))
    return scores.answers(truth, probabilities, signature.labels)
