"""Whether the numbers of a model that compiled code follows as pointers stay within the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving import skops_types

Tree = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]
"""left, right, feature, leaf, features"""


def unsound(model: Any) -> str | None:
    """Return what of a fitted model points outside of itself; None where all is well.

    Raises what NumPy and Python raise where the model is not made as scikit-learn makes it.
    """
    if not all(_sound(*tree) for tree in _trees(model)):
        return "a tree that points"
    if not all(_sound_machine(each) for each in _machines(model)):
        return "a support vector machine that points"
    return None


def name_of(value: object) -> str:
    """Return the full name of a value's type."""
    return f"{type(value).__module__}.{type(value).__name__}"


def _machines(model: Any) -> list[Any]:
    if name_of(model) == "sklearn.svm._classes.SVR":
        return [model]
    machines = [each.estimator for each in getattr(model, "calibrated_classifiers_", [])]
    for each in machines:
        if name_of(each) != skops_types.MACHINE:
            raise TypeError(f"a calibration of {name_of(each)}")
    return machines


def _sound_machine(machine: Any) -> bool:
    """Say whether libsvm finds all that it will look for (`svm_csr_model`, `svm.cpp`)."""
    tells_classes = hasattr(machine, "classes_")
    classes = len(machine.classes_) if tells_classes else 2
    vectors, sizes = machine.support_vectors_, machine._n_support
    rows, width = vectors.shape
    pairs = classes * (classes - 1) // 2
    own = {"_impl", "_compute_kernel", "_sparse_kernels"} & vars(machine).keys()
    return (
        (machine.kernel, machine._sparse, bool(own)) == ("rbf", False, False)
        and width == machine.n_features_in_ == machine.shape_fit_[1]
        and _is(vectors, np.float64, (rows, width))
        and _is(machine.support_, np.int32, (rows,))
        and _is(machine._dual_coef_, np.float64, (classes - 1, rows))
        and _is(machine._intercept_, np.float64, (pairs,))
        and _is(machine._probA, np.float64, (0,))
        and _is(machine._probB, np.float64, (0,))
        and _is(sizes, np.int32, (classes,))
        and bool((sizes >= 0).all())
        and (not tells_classes or int(sizes.sum()) == rows)
    )


def _is(array: Any, dtype: Any, shape: tuple[int, ...]) -> bool:
    return isinstance(array, np.ndarray) and array.dtype == dtype and array.shape == shape


def _trees(model: Any) -> list[Tree]:
    width = model.n_features_in_
    alone = [model] if hasattr(model, "tree_") else []
    grown = [_grown(each).tree_ for each in (*alone, *getattr(model, "estimators_", []))]
    boosted = [tree.nodes for round_ in getattr(model, "_predictors", []) for tree in round_]
    return [
        *(
            (t.children_left, t.children_right, t.feature, t.children_left == -1, width)
            for t in grown
        ),
        *((n["left"], n["right"], n["feature_idx"], _ends(n), width) for n in boosted),
    ]


def _grown(tree: Any) -> Any:
    if name_of(tree) not in skops_types.TREES:
        raise TypeError(f"a forest of {name_of(tree)}")
    return tree


def _ends(nodes: np.ndarray) -> np.ndarray:
    """Return which nodes are leaves; our models ask no categories, whose table could be left."""
    if nodes["is_categorical"].any():
        raise ValueError("a tree asks for a category")
    return np.asarray(nodes["is_leaf"] == 1)


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
