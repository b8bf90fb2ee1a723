"""What a graph may be made of: the list is the server's, and is asked before ONNX Runtime parses.

Every operator of it computes from its inputs alone and ends: none loops, branches, draws numbers,
makes a tensor of a size that it is told, or comes from a library. What a bomb could still be made
of (a tensor joined with itself, again and again) meets the bound on memory (`serving.memory`).

The file is read by protobuf itself, by the few fields that matter here; ONNX Runtime reads it by
protobuf too, so that both see the same graph. They are those of onnx.proto, which does not change
what a number means. Names are taken as bytes, numbers as numbers, so that nothing is overlooked
for being of an unknown kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import chain
from math import prod
from pathlib import Path
from typing import Any

from serving.errors import ModelError

_STANDARD = """
    Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast CastLike Ceil Clip Concat Constant
    Conv Cos Div Dropout Einsum Elu Equal Erf Exp Flatten Floor Gather GatherElements GatherND Gelu
    Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid
    HardSwish Identity InstanceNormalization IsInf IsNaN LRN LayerNormalization LeakyRelu Less
    LessOrEqual Log LogSoftmax LpNormalization MatMul Max MaxPool Mean Min Mish Mod Mul Neg Not Or
    PRelu Pad Pow Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean
    ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Round Selu Shape Sigmoid Sign Sin
    Slice Softmax Softplus Softsign Split Sqrt Squeeze Sub Sum Tanh ThresholdedRelu TopK Transpose
    Unsqueeze Where Xor
"""
_CLASSIC = """
    ArrayFeatureExtractor Binarizer CategoryMapper FeatureVectorizer Imputer LabelEncoder
    LinearClassifier LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler
    TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor
"""

OPERATORS = {"": frozenset(_STANDARD.split()), "ai.onnx.ml": frozenset(_CLASSIC.split())}
"""Operators by domain: what our converters emit, and their like."""

MAX_NODES = 50_000


class NotServable(ModelError):
    """A graph that this server does not run; `what` names the operator or part."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path} {what}; this server does not run it.")
        self.what = what


def check(model: bytes, path: Path) -> None:
    """Raise `NotServable` unless the serialized model holds only what the server runs.

    That is: operators of `OPERATORS`, no functions, no graphs within the graph, and tensors whose
    numbers are in the file itself. `path` is where the bytes are from.
    """
    from google.protobuf.message import DecodeError

    proto = _message()()
    try:
        proto.ParseFromString(model)
    except DecodeError as error:
        raise NotServable(path, "is no ONNX model (protobuf cannot read it)") from error
    for what in _refused(proto, len(model)):
        raise NotServable(path, what)


def _refused(proto: Any, size: int) -> Iterator[str]:
    """Yield what the server does not run."""
    nodes = proto.graph.node
    if not nodes:
        yield "is no ONNX model, for it holds no graph"
    if len(nodes) > MAX_NODES:
        yield f"has {len(nodes):,} operators, more than {MAX_NODES:,}"
    if proto.functions or proto.training_info or proto.graph.sparse_initializer:
        yield "has functions, a training graph or sparse tensors"
    for node in nodes:
        yield from _refused_of(node)
    attributes = chain.from_iterable(node.attribute for node in nodes)
    tensors = chain.from_iterable((each.t, *each.tensors) for each in attributes)
    for tensor in chain(proto.graph.initializer, tensors):
        yield from _refused_tensor(tensor, size)


def _refused_of(node: Any) -> Iterator[str]:
    domain, operator = (_text(each) for each in (node.domain, node.op_type))
    if operator not in OPERATORS.get("" if domain == "ai.onnx" else domain, ()):
        yield f"has the operator {operator!r} of the domain {domain or 'ai.onnx'!r}"
    if any(each.g or each.graphs or each.sparse or each.sparses for each in node.attribute):
        yield f"has a graph or a sparse tensor within the operator {operator!r}"


def _refused_tensor(tensor: Any, size: int) -> Iterator[str]:
    name = _text(tensor.name)
    if tensor.external_data or tensor.data_location:
        yield f"keeps the tensor {name!r} in another file"
    # Two numbers of four bits are the most that a byte can hold.
    if any(length < 0 for length in tensor.dims) or prod(tensor.dims) > 2 * size:
        shape = f"{list(tensor.dims)!s:.80}"
        yield f"has the tensor {name!r} of the shape {shape}, for which it has no bytes"


def _text(name: bytes) -> str:
    return name[:80].decode(errors="replace")


# message -> field -> (number in onnx.proto, type, whether it is repeated)
_FIELDS: dict[str, dict[str, tuple[int, str, bool]]] = {
    "Model": {
        "graph": (7, "Graph", False),
        "training_info": (20, "bytes", True),
        "functions": (25, "bytes", True),
    },
    "Graph": {
        "node": (1, "Node", True),
        "initializer": (5, "Tensor", True),
        "sparse_initializer": (15, "bytes", True),
    },
    "Node": {
        "op_type": (4, "bytes", False),
        "attribute": (5, "Attribute", True),
        "domain": (7, "bytes", False),
    },
    "Attribute": {
        "t": (5, "Tensor", False),
        "g": (6, "bytes", True),
        "tensors": (10, "Tensor", True),
        "graphs": (11, "bytes", True),
        "sparse": (22, "bytes", True),
        "sparses": (23, "bytes", True),
    },
    "Tensor": {
        "dims": (1, "int64", True),
        "name": (8, "bytes", False),
        "external_data": (13, "bytes", True),
        "data_location": (14, "int64", False),
    },
}


@cache
def _message() -> Any:
    """Return the class of a parsed model."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="kanarya/onnx.proto", package="kanarya.onnx")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, repeated) in fields.items():
            message.field.add(name=field, number=number, **_type(kind, repeated))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("kanarya.onnx.Model"))


def _type(kind: str, repeated: bool) -> dict[str, Any]:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

    label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
    scalars = {"bytes": Field.TYPE_BYTES, "int64": Field.TYPE_INT64}
    if kind in scalars:
        return {"label": label, "type": scalars[kind]}
    return {"label": label, "type": Field.TYPE_MESSAGE, "type_name": f".kanarya.onnx.{kind}"}
