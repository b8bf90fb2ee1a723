"""From encoded columns to what a classifier sees: the home of the ColumnTransformer.

Preprocessing is part of the fitted Pipeline, so training and serving cannot differ. Columns are
addressed by position, never by name: a name may be anything, also one that scikit-learn or ONNX
would read as something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from components.cores import cores_for
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

    encoded = encode(columns, cells)
    for column in columns:
        _refuse_infinite(column, encoded[column.name])
    return pd.DataFrame({name: values[:, 0] for name, values in encoded.items()})


def _refuse_infinite(column: Column, values: np.ndarray) -> None:
    if column.kind == "text" or not np.isinf(values).any():
        return
    row = int(np.argmax(np.isinf(values)))
    raise UsageError(
        f"Column {column.name!r} holds a number that is infinite or beyond 3.4e38 "
        f"(row {row + 1} of this part); correct it or drop the column with --drop {column.name!r}."
    )


def fit(pipeline: Pipeline, rows: pd.DataFrame, labels: np.ndarray) -> Pipeline:
    """Fit a pipeline of `models.build` on the training part, in place, and return it.

    What makes a model (`components.models.trainers`) is replaced by the model that it made.
    """
    _limit_categories(pipeline.named_steps["prepare"], rows)
    with cores_for(pipeline, len(rows)):
        pipeline.fit(rows, labels)
    made = getattr(pipeline.named_steps["model"], "fitted_", None)
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
    for name, encoder, positions in prepare.transformers:
        if name == "texts":
            words = [_frequent(rows.iloc[:, position]) for position in positions]
            encoder.set_params(categories=words)


def _frequent(cells: pd.Series[Any]) -> np.ndarray:
    """Return the most frequent values, sorted; of equally frequent ones the alphabet chooses."""
    counts = sorted(cells.value_counts().items(), key=lambda item: (-item[1], str(item[0])))
    return np.array(sorted(str(value) for value, _ in counts[:MAX_CATEGORIES]), dtype=object)
