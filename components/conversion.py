"""A fitted pipeline as an ONNX model: the home of skl2onnx and onnx."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from components.onnx_graph import rename, serialized
from components.tree_conversion import VERSION, TreeConverter
from serving.errors import ModelError, UsageError
from serving.signature import Column

if TYPE_CHECKING:
    from onnx import ModelProto
    from sklearn.pipeline import Pipeline

OPSET = 18
OUTPUTS = ("label", "probabilities")
NUMBER = ("prediction",)
"""What a graph gives that answers with a number."""


class NotConvertible(ModelError):
    """A pipeline that skl2onnx knows no operators for, or not all."""

    def __init__(self, pipeline: Pipeline, error: Exception) -> None:
        model, why = type(pipeline.steps[-1][1]).__name__, str(error).strip().split("\n")[0]
        super().__init__(f"{model} could not be converted to ONNX ({why.split('. ')[0]:.200}).")


def refuse_names(columns: Iterable[Column]) -> None:
    """Raise `UsageError` for a column whose name cannot be an input of an ONNX graph."""
    for column in columns:
        if column.name in OUTPUTS + NUMBER or not column.name:
            raise UsageError(
                f"A column named {column.name!r} cannot be served: the outputs of models are named "
                f"{', '.join(OUTPUTS)} and {NUMBER[0]}; rename it in the file or use "
                f"--drop {column.name}."
            )


def to_onnx(pipeline: Pipeline, columns: tuple[Column, ...]) -> bytes:
    """Return the serialized ONNX model: one input [None, 1] a column, named exactly so.

    Outputs `label` and `probabilities` float32 [n, k] in the order of the pipeline's classes; of
    a pipeline that answers with a number `prediction` float32 [n, 1].
    """
    refuse_names(columns)
    model = _converted(pipeline, columns)
    # Converted under plain names: skl2onnx would change the ones that are no identifiers.
    places = {f"input_{i}": column.name for i, column in enumerate(columns)}
    names = OUTPUTS if _tells_classes(pipeline) else NUMBER
    outputs = dict(zip([output.name for output in model.graph.output], names, strict=True))
    rename(model, {**places, **outputs})
    return serialized(model)


def _tells_classes(pipeline: Pipeline) -> bool:
    return hasattr(pipeline.named_steps["model"], "classes_")


def _converted(pipeline: Pipeline, columns: tuple[Column, ...]) -> ModelProto:
    from skl2onnx import convert_sklearn
    from sklearn import ensemble

    trees = TreeConverter()
    options = {id(pipeline): {"zipmap": False}} if _tells_classes(pipeline) else None
    kinds = (
        ensemble.RandomForestClassifier,
        ensemble.RandomForestRegressor,
        ensemble.HistGradientBoostingClassifier,
        ensemble.HistGradientBoostingRegressor,
    )
    try:
        with warnings.catch_warnings():
            # skl2onnx looks at what scikit-learn is about to take away from its SVC.
            warnings.filterwarnings("ignore", "Attribute `prob", FutureWarning)
            model = convert_sklearn(
                pipeline,
                name="kanarya",
                initial_types=[(f"input_{i}", _type(each)) for i, each in enumerate(columns)],
                options=options,
                target_opset={"": OPSET, "ai.onnx.ml": VERSION},
                custom_conversion_functions=dict.fromkeys(kinds, trees.convert),
            )
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
        raise NotConvertible(pipeline, error) from error
    trees.fill(model)
    return model


def _type(column: Column) -> Any:
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    return (StringTensorType if column.kind == "text" else FloatTensorType)([None, 1])


def side_by_side(model: bytes) -> bytes:
    """Return the model with one input for all its columns, where it joins them before all else.

    ONNX Runtime spends about a microsecond on each input of each call: with thirty columns more
    than on a logistic regression itself. Where text or another order of work forbids it, the
    model comes back as it was.
    """
    import onnx

    from serving.onnx_model import COLUMNS, MATRIX

    proto = onnx.load_from_string(model)
    graph = proto.graph
    names = [value.name for value in graph.input]
    users = [node for node in graph.node if set(node.input) & set(names)]
    if len(users) != 1 or users[0].op_type != "Concat" or sorted(users[0].input) != sorted(names):
        return model
    (join,) = users
    order, joined = list(join.input), join.output[0]
    graph.node.remove(join)
    for node in graph.node:
        node.input[:] = [MATRIX if name == joined else name for name in node.input]
    shape = [None, len(order)]
    del graph.input[:]
    graph.input.append(onnx.helper.make_tensor_value_info(MATRIX, onnx.TensorProto.FLOAT, shape))
    onnx.helper.set_model_props(proto, {COLUMNS: json.dumps(order)})
    return bytes(proto.SerializeToString())
