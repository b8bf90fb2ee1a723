"""How good the champion was on what was labelled since it serves, beside its test scores."""

from __future__ import annotations

from dataclasses import replace

from components import telling
from components.evaluation import ChampionScores
from serving.errors import KanaryaError
from serving.feedback.read import read
from serving.settings import Settings


def with_live(found: ChampionScores, name: str) -> ChampionScores:
    """Return the scores with the live performance of that version, where labels have come.

    Feedback that cannot be read is a note: the evaluation does not depend on it.
    """
    try:
        performance = read(Settings.from_env(), name)
    except KanaryaError as error:
        telling.note(f"the champion's live performance is not known: {error}")
        return found
    version = performance.versions.get(found.version)
    if version is None or not version.labels:
        return found
    return replace(found, live={**version.to_json(), "window_s": performance.window_s})
