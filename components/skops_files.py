"""Native models in skops files: written by us, and read only if they hold what we expect.

A skops file names the types it is made of. The list of what may be in it is ours; a list that
comes with the file (MLflow stores one beside it) is never believed. Nothing is ever unpickled.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from serving.errors import ModelError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FILE = "model.skops"
"""The name that MLflow gives the file inside its model directory."""

TRUSTED_TYPES = (
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
"""What our models need beyond the types that skops trusts of itself."""

DAMAGE = (
    OSError,
    zipfile.BadZipFile,
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What skops lets through when a file is damaged or made up."""


def save(pipeline: Pipeline, path: Path) -> None:
    """Write a fitted pipeline."""
    import skops.io

    skops.io.dump(pipeline, path)


def load(path: Path) -> Pipeline:
    """Return the fitted pipeline of a file.

    Raises `ModelError` for a damaged file, for one that names a type which is not on our list,
    and for trees whose nodes point outside of themselves (scikit-learn would follow them).
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        pipeline = skops.io.load(path, trusted=list(TRUSTED_TYPES))
    except UntrustedTypesFoundException as error:
        what = str(error).splitlines()[0].rstrip(".")
        raise ModelError(f"{path} is refused: {what}; train the model again.") from error
    except DAMAGE as error:
        raise ModelError(f"{path} cannot be read ({_line(error)}); train it again.") from error
    return _checked(pipeline, path)


def _checked(pipeline: Any, path: Path) -> Pipeline:
    from sklearn.pipeline import Pipeline

    if not isinstance(pipeline, Pipeline) or list(pipeline.named_steps) != ["prepare", "model"]:
        raise ModelError(f"{path} holds no pipeline of ours; train the model again.")
    try:
        sound = all(_sound(*tree) for tree in _trees(pipeline.named_steps["model"]))
    except DAMAGE as error:
        raise ModelError(f"{path} is damaged ({_line(error)}); train the model again.") from error
    if not sound:
        raise ModelError(f"{path} holds a tree that points outside of itself; train it again.")
    return pipeline


def _trees(model: Any) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]]:
    """Return (left, right, feature, leaf, features) of every tree."""
    width = model.n_features_in_
    forest = [estimator.tree_ for estimator in getattr(model, "estimators_", [])]
    boosted = [tree.nodes for round_ in getattr(model, "_predictors", []) for tree in round_]
    return [
        *(
            (t.children_left, t.children_right, t.feature, t.children_left == -1, width)
            for t in forest
        ),
        *((n["left"], n["right"], n["feature_idx"], n["is_leaf"] == 1, width) for n in boosted),
    ]


def _sound(
    left: np.ndarray, right: np.ndarray, feature: np.ndarray, leaf: np.ndarray, features: int
) -> bool:
    inner = ~leaf
    places = np.arange(len(leaf))[inner]
    # A child comes after its parent: so there are no circles either.
    children = [side[inner].astype(np.int64) for side in (left, right)]
    forward = all(bool(((c > places) & (c < len(leaf))).all()) for c in children)
    columns = feature[inner].astype(np.int64)
    return len(leaf) > 0 and forward and bool(((columns >= 0) & (columns < features)).all())


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
