"""What a skops file may be made of: the list is the server's, never the file's or the card's.

skops itself trusts every estimator of scikit-learn, also those whose numbers are followed as
pointers by compiled code. This list is shorter: what our models hold, and classifiers that compute
with numpy alone. How a thing is restored is listed too: no functions, methods or reductions.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from serving.errors import ModelError
from serving.plain_files import json_object
from serving.zips import refuse_bomb

SCHEMA = "schema.json"
UNPACKED_LIMIT = 4 * 2**30
SCHEMA_LIMIT = 256 * 2**20
"""A forest of 5,000 trees describes itself in 40 MB."""

CLASSIFIERS = frozenset(
    f"sklearn.{name}"
    for name in (
        "discriminant_analysis.LinearDiscriminantAnalysis",
        "discriminant_analysis.QuadraticDiscriminantAnalysis",
        "ensemble._forest.ExtraTreesClassifier",
        "ensemble._forest.RandomForestClassifier",
        "ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "linear_model._logistic.LogisticRegression",
        "linear_model._logistic.LogisticRegressionCV",
        "calibration.CalibratedClassifierCV",
        "naive_bayes.BernoulliNB",
        "naive_bayes.CategoricalNB",
        "naive_bayes.ComplementNB",
        "naive_bayes.GaussianNB",
        "naive_bayes.MultinomialNB",
        "neighbors._nearest_centroid.NearestCentroid",
        "neural_network._multilayer_perceptron.MLPClassifier",
        "tree._classes.DecisionTreeClassifier",
        "tree._classes.ExtraTreeClassifier",
    )
)
"""What may answer with classes."""

REGRESSORS = frozenset(
    f"sklearn.{name}"
    for name in (
        "ensemble._forest.RandomForestRegressor",
        "ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
        "linear_model._ridge.Ridge",
        "neural_network._multilayer_perceptron.MLPRegressor",
        "svm._classes.SVR",
    )
)
"""What may answer with a number."""

MACHINE = "sklearn.svm._classes.SVC"
"""What may stand behind a calibration, and nowhere else."""

TREES = frozenset(
    {
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._classes.DecisionTreeRegressor",
        "sklearn.tree._classes.ExtraTreeClassifier",
    }
)
"""What a forest is made of."""

BEYOND_SKOPS = (
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
"""What skops does not trust of itself; `serving.skops_soundness` looks at it before it is asked."""

LOSSES = (
    *("AbsoluteError", "HalfSquaredError"),
    *("HalfBinomialLoss", "HalfMultinomialLoss"),
)
"""What boosted trees were grown by."""

TYPES = (
    CLASSIFIERS
    | REGRESSORS
    | {
        MACHINE,
        *BEYOND_SKOPS,
        *(
            f"builtins.{kind.__name__}"
            for kind in (bool, dict, float, int, list, slice, str, tuple)
        ),
        *(f"numpy.{name}" for name in ["bool", "bool_", "ndarray", "str_", "float32", "float64"]),
        *(f"numpy.{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
        *(f"numpy.random.{name}" for name in ("_generator.Generator", "mtrand.RandomState")),
        *(f"sklearn._loss._loss.Cy{name}" for name in LOSSES),
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        *(f"sklearn._loss.loss.{name}" for name in LOSSES),
        "sklearn._loss.link.IdentityLink",
        "sklearn.compose._column_transformer.ColumnTransformer",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.impute._base.SimpleImputer",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.MinMaxScaler",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._encoders.OneHotEncoder",
        "sklearn.preprocessing._encoders.OrdinalEncoder",
        "sklearn.preprocessing._label.LabelBinarizer",
        "sklearn.preprocessing._label.LabelEncoder",
        "sklearn.tree._classes.DecisionTreeRegressor",
    }
)

_LOADERS = """
    CachedNode DTypeNode DictNode JsonNode ListNode LossNode NdArrayNode ObjectNode
    RandomGeneratorNode RandomStateNode SliceNode TreeNode TupleNode TypeNode
"""

LOADERS = frozenset(_LOADERS.split())
"""How skops may restore a part."""


def check(data: bytes, path: Path) -> None:
    """Raise `ModelError` unless the skops file `data`, read from `path`, is made of `TYPES`.

    Raises what zipfile raises where it is no archive, and `ValueError` where it is a bomb.
    """
    with zipfile.ZipFile(BytesIO(data)) as archive:
        refuse_bomb(archive, UNPACKED_LIMIT)
        if archive.getinfo(SCHEMA).file_size > SCHEMA_LIMIT:
            raise ValueError(f"{SCHEMA} has more than {SCHEMA_LIMIT:,} bytes")
        schema = json_object(archive.read(SCHEMA), path)
    unknown = sorted({name for name in _named(schema) if name is not None})
    if unknown:
        raise ModelError(
            f"{path} is refused: it holds {', '.join(unknown[:5])}, and this server makes no such "
            "thing from a file; choose another model kind."
        )


def _named(schema: dict[str, Any]) -> Iterator[str | None]:
    """Yield the types and loaders of a schema that are on no list."""
    left: list[Any] = [schema]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += value
        elif isinstance(value, dict):
            left += value.values()
            yield _refused(value)


def _refused(node: dict[str, Any]) -> str | None:
    if not {"__class__", "__module__", "__loader__"} & node.keys():
        return None
    name = f"{node.get('__module__')}.{node.get('__class__')}"
    if name not in TYPES:
        return name
    loader = str(node.get("__loader__"))
    return None if loader in LOADERS else f"{name} by {loader}"
