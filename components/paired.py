"""What candidate and champion answered to the same test rows (`paired.npz` in an evaluation).

The gate draws these rows again and again; a row's two answers always stay together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.number_scores import Estimates
from components.scores import Answers, likeliest
from serving.errors import ModelError

FILE = "paired.npz"

Answered = Answers | Estimates


@dataclass(frozen=True)
class Paired:
    """Both models' answers, row by row; without a champion that could be asked it is None.

    The two number their labels each in their own way: a model keeps its own order.
    """

    candidate: Answered
    champion: Answered | None = None

    @property
    def rows(self) -> int:
        """How many test rows there are."""
        return len(self.candidate.truth)

    def part(self, mask: np.ndarray) -> Paired:
        """Return the rows where the mask is true."""
        champion = None if self.champion is None else _part(self.champion, mask)
        return Paired(_part(self.candidate, mask), champion)


def write(directory: Path, paired: Paired) -> None:
    """Write the answers beside the scores."""
    arrays = _arrays("candidate", paired.candidate)
    if paired.champion is not None:
        arrays |= _arrays("champion", paired.champion)
    with (directory / FILE).open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # it takes any name


def read(directory: Path) -> Paired:
    """Return the answers; raise `ModelError` where they are missing or damaged."""
    path = directory / FILE
    try:
        with np.load(path, allow_pickle=False) as arrays:
            champion = _answered(arrays, "champion") if "champion_truth" in arrays else None
            return Paired(_answered(arrays, "candidate"), champion)
    except Exception as error:  # numpy and zipfile raise whatever the damaged bytes lead to
        raise ModelError(f"{path} cannot be read ({error}); evaluate the model again.") from error


def _arrays(name: str, given: Answered) -> dict[str, np.ndarray]:
    if isinstance(given, Estimates):
        return {f"{name}_truth": given.truth, f"{name}_predicted": given.predicted}
    return {f"{name}_truth": given.truth, f"{name}_probabilities": given.probabilities}


def _answered(arrays: Mapping[str, np.ndarray], name: str) -> Answered:
    truth = arrays[f"{name}_truth"]
    if f"{name}_predicted" in arrays:
        return Estimates(truth, arrays[f"{name}_predicted"])
    shares = arrays[f"{name}_probabilities"]
    return Answers(tuple(range(shares.shape[1])), truth, likeliest(shares), shares)


def _part(given: Answered, mask: np.ndarray) -> Answered:
    if isinstance(given, Estimates):
        return Estimates(given.truth[mask], given.predicted[mask])
    return Answers(
        given.labels, given.truth[mask], given.predicted[mask], given.probabilities[mask]
    )
