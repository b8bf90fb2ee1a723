"""Forests and boosted trees as one ONNX TreeEnsemble… node, built with whole arrays.

skl2onnx's own converter walks node by node in Python (30 s for a forest on 43,000 rows, against
6 s of training) and gives protobuf bools where it wants integers for HistGradientBoosting. These
are handed to `convert_sklearn` for one conversion; nothing is registered for the process.

scikit-learn asks `float32(x) <= float64(threshold)`, ONNX `x <= float32(threshold)`: rounding the
threshold down gives the same answer for every x.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnx import AttributeProto, ModelProto

CLASSIFIER, REGRESSOR = "TreeEnsembleClassifier", "TreeEnsembleRegressor"
VERSION = 3
"""Of the operators in the domain ai.onnx.ml."""


Values = list[Any] | bytes | int
"""What an attribute of a node holds."""


@dataclass(frozen=True)
class Tree:
    """One tree, as arrays over its nodes; `weights` [nodes, classes] counts at leaves only."""

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    leaf: np.ndarray
    missing_left: np.ndarray
    weights: np.ndarray
    first_class: int = 0


class TreeConverter:
    """Converts forests and boosted trees in two moves, for one call of `convert_sklearn`.

    skl2onnx copies the graph several times, so `convert` adds a node without its arrays and `fill`
    puts them in at the end.
    """

    def __init__(self) -> None:
        self._models: dict[str, Any] = {}

    def convert(self, scope: Any, operator: Any, container: Any) -> None:
        """Add the node of a fitted ensemble; the signature is skl2onnx's."""
        model = operator.raw_operator
        kind = CLASSIFIER if _tells_classes(model) else REGRESSOR
        name = scope.get_unique_operator_name(kind)
        self._models[name] = model
        container.add_node(
            kind,
            operator.input_full_names,
            [output.full_name for output in operator.outputs],
            op_domain="ai.onnx.ml",
            op_version=VERSION,
            name=name,
        )

    def fill(self, model: ModelProto) -> None:
        """Put the trees into the nodes that `convert` added."""
        for node in model.graph.node:
            if node.name in self._models:
                for name, values in _attributes(self._models[node.name]).items():
                    _put(node.attribute.add(), name, values)


def _tells_classes(model: Any) -> bool:
    return hasattr(model, "classes_")


def _attributes(model: Any) -> dict[str, Values]:
    found = _forest(model) if hasattr(model, "estimators_") else _boosting(model)
    if not _tells_classes(model):
        # The same trees: what a classifier calls class is the place of a target here.
        named = {name.replace("class_", "target_"): values for name, values in found.items()}
        return {**named, "n_targets": 1, "aggregate_function": b"SUM"}
    classes = model.classes_.tolist()
    if isinstance(classes[0], str):
        return {**found, "classlabels_strings": [label.encode() for label in classes]}
    return {**found, "classlabels_int64s": classes}


def _forest(model: Any) -> dict[str, Values]:
    """Return the mean of what the trees of a random forest say."""
    trees = [_voting(each.tree_, model) for each in model.estimators_]
    return {**_nodes(trees), **_weights(trees), "post_transform": b"NONE"}


def _boosting(model: Any) -> dict[str, Values]:
    """Return the summed scores of boosted trees: as probabilities, or as they are."""
    rounds = model._predictors
    trees = [_boosted(tree, k) for round_ in rounds for k, tree in enumerate(round_)]
    return {
        **_nodes(trees),
        **_weights(trees),
        "base_values": _floats(model._baseline_prediction),
        "post_transform": _post_transform(model),
    }


def _post_transform(model: Any) -> bytes:
    if not _tells_classes(model):
        return b"NONE"
    return b"LOGISTIC" if len(model._predictors[0]) == 1 else b"SOFTMAX"


def _voting(tree: Any, model: Any) -> Tree:
    said, trees = tree.value[:, 0, :], len(model.estimators_)
    if _tells_classes(model):
        said = said / np.maximum(said.sum(axis=1, keepdims=True), 1e-300)
        # ONNX Runtime picks a binary model's label from one weight: the share of the second class.
        said = said[:, 1:] if said.shape[1] == 2 else said
    return Tree(
        feature=tree.feature,
        threshold=tree.threshold,
        left=tree.children_left,
        right=tree.children_right,
        leaf=tree.children_left < 0,
        missing_left=np.zeros(tree.node_count),
        weights=said / trees,
    )


def _boosted(predictor: Any, first_class: int) -> Tree:
    nodes = predictor.nodes
    return Tree(
        feature=nodes["feature_idx"],
        threshold=nodes["num_threshold"],
        left=nodes["left"],
        right=nodes["right"],
        leaf=nodes["is_leaf"].astype(bool),
        missing_left=nodes["missing_go_to_left"],
        weights=nodes["value"][:, None],
        first_class=first_class,
    )


def _nodes(trees: Sequence[Tree]) -> dict[str, Values]:
    sizes = [len(tree.leaf) for tree in trees]
    leaf = np.concatenate([tree.leaf for tree in trees])
    return {
        "nodes_treeids": _ints(np.repeat(np.arange(len(trees)), sizes)),
        "nodes_nodeids": _ints(np.concatenate([np.arange(size) for size in sizes])),
        "nodes_featureids": _inner(trees, leaf, "feature"),
        "nodes_modes": np.where(leaf, b"LEAF", b"BRANCH_LEQ").tolist(),
        "nodes_values": _floats(np.where(leaf, 0, _floor(_joined(trees, "threshold")))),
        "nodes_truenodeids": _inner(trees, leaf, "left"),
        "nodes_falsenodeids": _inner(trees, leaf, "right"),
        "nodes_missing_value_tracks_true": _inner(trees, leaf, "missing_left"),
    }


def _weights(trees: Sequence[Tree]) -> dict[str, Values]:
    found = [_places(tree) for tree in trees]
    sizes = [len(nodes) for nodes, _ in found]
    weights = [tree.weights[place] for tree, place in zip(trees, found, strict=True)]
    first_class = np.repeat([tree.first_class for tree in trees], sizes)
    return {
        "class_treeids": _ints(np.repeat(np.arange(len(trees)), sizes)),
        "class_nodeids": _ints(np.concatenate([nodes for nodes, _ in found])),
        "class_ids": _ints(np.concatenate([classes for _, classes in found]) + first_class),
        "class_weights": _floats(np.concatenate(weights)),
    }


def _places(tree: Tree) -> tuple[np.ndarray, np.ndarray]:
    """Return (node, class) of every weight to write; the zeros of many classes are left out."""
    wanted = np.broadcast_to(tree.leaf[:, None], tree.weights.shape)
    if tree.weights.shape[1] > 1:
        wanted = wanted & (tree.weights != 0)
    nodes, classes = np.nonzero(wanted)
    return nodes, classes


def _inner(trees: Sequence[Tree], leaf: np.ndarray, name: str) -> list[int]:
    return _ints(np.where(leaf, 0, _joined(trees, name)))


def _joined(trees: Sequence[Tree], name: str) -> np.ndarray:
    return np.concatenate([getattr(tree, name) for tree in trees])


def _floor(thresholds: np.ndarray) -> np.ndarray:
    rounded = thresholds.astype(np.float32)
    below = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded > thresholds, below, rounded)


def _ints(values: np.ndarray) -> list[int]:
    return list(values.astype(np.int64).tolist())


def _floats(values: np.ndarray) -> list[float]:
    return list(np.ravel(values).astype(np.float32).tolist())


def _put(attribute: AttributeProto, name: str, values: Values) -> None:
    """Fill an attribute in place; `onnx.helper` looks at every element three times, and copies."""
    attribute.name = name
    if isinstance(values, int):
        attribute.type, attribute.i = attribute.INT, values
    elif isinstance(values, bytes):
        attribute.type, attribute.s = attribute.STRING, values
    elif isinstance(values[0], bytes):
        attribute.type = attribute.STRINGS
        attribute.strings.extend(values)
    elif isinstance(values[0], float):
        attribute.type = attribute.FLOATS
        attribute.floats.extend(values)
    else:
        attribute.type = attribute.INTS
        attribute.ints.extend(values)
