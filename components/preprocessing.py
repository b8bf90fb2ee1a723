"""From encoded columns to what a classifier sees: the home of the ColumnTransformer.

Preprocessing is part of the fitted Pipeline, so training and serving cannot differ. Columns are
addressed by position, never by name: a name may be anything, also one that scikit-learn or ONNX
would read as something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from components.cores import cores_for
from components.models import trees
from serving.errors import UsageError
from serving.signature import Cells, Column, encode

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

MAX_CATEGORIES = 100
"""Values of a text column that get a place of their own: the most frequent ones in training.

The rest are treated like values never seen (all zeros). An ONNX one-hot knows no group for
infrequent values, and a column of a million names must not become a million columns.
"""


def transformer(columns: tuple[Column, ...], *, scale: bool) -> ColumnTransformer:
    """Return the unfitted preprocessing: numbers imputed (and scaled), texts one-hot encoded.

    Takes the frame of `frame`, gives float32 [n, features].
    """
    from sklearn.compose import ColumnTransformer

    numbers = [i for i, column in enumerate(columns) if column.kind != "text"]
    texts = [i for i, column in enumerate(columns) if column.kind == "text"]
    parts = [("numbers", _for_numbers(scale), numbers), ("texts", _for_texts(), texts)]
    # An empty part would stay unfitted, and the converter stumbles over it.
    return ColumnTransformer([part for part in parts if part[2]], sparse_threshold=0.0)


def _for_numbers(scale: bool) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    # A column may be all missing in one training part and not in the next: it keeps its place.
    impute = SimpleImputer(strategy="median", keep_empty_features=True)
    return Pipeline([("impute", impute), ("scale", StandardScaler())]) if scale else impute


def _for_texts() -> Any:
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(handle_unknown="ignore", dtype=np.float32, sparse_output=False)


def frame(columns: tuple[Column, ...], cells: Mapping[str, Cells]) -> pd.DataFrame:
    """Return the frame that pipelines are fitted on and asked with, made by `signature.encode`.

    Raises `UsageError` for a number that float32 cannot hold.
    """
    import pandas as pd

    return pd.DataFrame(encoded(columns, cells))


def encoded(
    columns: tuple[Column, ...], cells: Mapping[str, Cells], before: int = 0
) -> dict[str, np.ndarray]:
    """Return what `frame` holds, an array [n] a column; so many rows were `before` these."""
    found = {name: values[:, 0] for name, values in encode(columns, cells).items()}
    for column in columns:
        _refuse_infinite(column, found[column.name], before)
    return found


def _refuse_infinite(column: Column, values: np.ndarray, before: int) -> None:
    if column.kind == "text" or not np.isinf(values).any():
        return
    row = before + int(np.argmax(np.isinf(values)))
    raise UsageError(
        f"Column {column.name!r} holds a number that is infinite or beyond 3.4e38 "
        f"(row {row + 1} of this part); correct it or drop the column with --drop {column.name!r}."
    )


def fit(pipeline: Pipeline, rows: pd.DataFrame, labels: np.ndarray) -> Pipeline:
    """Fit a pipeline of `models.build` on the training part, in place, and return it.

    What makes a model (`components.models.trainers`) is replaced by the model that it made.
    """
    model = pipeline.named_steps["model"]
    _limit_categories(pipeline.named_steps["prepare"], rows)
    with cores_for(pipeline, len(rows)):
        if hasattr(model, "min_samples_leaf"):  # nobody asks anything of the like but trees
            trees.fit(model, pipeline.named_steps["prepare"].fit_transform(rows), labels)
        else:
            pipeline.fit(rows, labels)
    made = getattr(model, "fitted_", None)
    if made is not None:
        pipeline.steps[-1] = ("model", made)
    return pipeline


def ask(pipeline: Pipeline, rows: pd.DataFrame) -> np.ndarray:
    """Return a fitted pipeline's probabilities [n, k], in the order of its classes.

    Of one that answers with a number: the numbers, [n, 1].
    """
    with cores_for(pipeline, len(rows)):
        if hasattr(pipeline.named_steps["model"], "classes_"):
            return np.asarray(pipeline.predict_proba(rows))
        return np.asarray(pipeline.predict(rows)).reshape(-1, 1)


def _limit_categories(prepare: ColumnTransformer, rows: pd.DataFrame) -> None:
    texts = [positions for name, _, positions in prepare.transformers if name == "texts"]
    for positions in texts:
        counts = (rows.iloc[:, position].value_counts().to_dict() for position in positions)
        _know(prepare, [frequent(each) for each in counts])


def _know(prepare: ColumnTransformer, words: Sequence[np.ndarray]) -> None:
    for name, encoder, _ in prepare.transformers:
        if name == "texts":
            encoder.set_params(categories=list(words))


def frequent(counts: Mapping[str, int]) -> np.ndarray:
    """Return the most frequent words, sorted; of equally frequent ones the alphabet chooses."""
    order = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return np.array(sorted(str(word) for word, _ in order[:MAX_CATEGORIES]), dtype=object)


@dataclass(frozen=True)
class Statistics:
    """What preprocessing learns of a table, in the order of its columns of each sort.

    `medians`, `means` and `variances` [numbers] float64, the latter two of filled cells; `words`:
    of each text column those that get a place.
    """

    rows: int
    medians: np.ndarray
    means: np.ndarray
    variances: np.ndarray
    words: Sequence[np.ndarray]


def settle(prepare: ColumnTransformer, some: pd.DataFrame, found: Statistics) -> None:
    """Make preprocessing, with scaling, what fitting it on all rows would have made it, in place.

    `some`: a few of the rows.
    """
    _know(prepare, found.words)
    prepare.fit(some)
    if not len(found.medians):
        return
    impute, scale = (step for _, step in prepare.named_transformers_["numbers"].steps)
    impute.statistics_ = found.medians.astype(impute.statistics_.dtype)
    scale.mean_, scale.var_ = found.means, found.variances
    scale.scale_ = _scale(found)
    scale.n_samples_seen_ = np.int64(found.rows)


def _scale(found: Statistics) -> np.ndarray:
    """Return the spreads, 1 where a spread is nothing but rounding, as scikit-learn does."""
    rounding = np.finfo(np.float64).eps
    least = found.rows * rounding * found.variances + (found.rows * found.means * rounding) ** 2
    return np.where(found.variances <= least, 1.0, np.sqrt(found.variances))


@dataclass(frozen=True)
class Features:
    """Settled preprocessing for numbers and places of words: the same without a frame of objects.

    `fill`, `mean`, `scale` [numbers]; `widths`: how many words of each text column have a place.
    """

    fill: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    widths: tuple[int, ...]

    @classmethod
    def of(cls, prepare: ColumnTransformer) -> Features:
        """Return what settled preprocessing does."""
        parts, none = prepare.named_transformers_, np.zeros(0)
        widths = tuple(map(len, parts["texts"].categories_)) if "texts" in parts else ()
        if "numbers" not in parts:
            return cls(none, none, none, widths)
        impute, scale = (step for _, step in parts["numbers"].steps)
        return cls(impute.statistics_, scale.mean_, scale.scale_, widths)

    @property
    def width(self) -> int:
        """How many features there are."""
        return len(self.fill) + sum(self.widths)

    def rows(self, numbers: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Return float32 [n, features].

        `numbers` [n, numbers] have NaN for missing cells, places of `words` [n, texts] -1 for those
        that have none.
        """
        found = np.zeros((len(numbers), self.width), np.float32)
        end = len(self.fill)
        filled = found[:, :end]
        filled[:] = np.where(np.isnan(numbers), self.fill.astype(np.float32), numbers)
        filled -= self.mean.astype(np.float32)
        filled /= self.scale.astype(np.float32)
        for column, width in enumerate(self.widths):
            known = np.flatnonzero(words[:, column] >= 0)
            found[known, end + words[known, column]] = 1.0
            end += width
        return found
