"""A Keras model of images as an ONNX model: the home of tf2onnx, TensorFlow and Keras.

What the model ends in is told by the activation of its last layer: softmax over k units gives
probabilities as they are; none (`linear`) over k units gives logits, and a softmax is added; one
unit, sigmoid or none, is the probability (or logit) of the second of two classes, and becomes two.
Anything else is refused.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.conversion import OPSET
from components.keras_files import refuse_code
from components.onnx_graph import number_constants, rename, serialized
from serving.errors import ModelError, PlatformError
from serving.image_signature import IMAGE, Image

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

    KerasModel = Any
    Tensor = Any

LIBRARIES = ("keras", "numpy", "tf2onnx", "onnx", "onnxruntime")
BATCH = 256
"""Images that the native model is asked with at a time."""
SHOWN = 200
"""Characters of a foreign error that are told; Keras repeats whole configurations."""


def libraries() -> dict[str, str]:
    """Return the versions of the libraries that make the model."""
    # TensorFlow's package has another name where it is built for the CPU alone.
    versions = {"tensorflow": str(imported_tensorflow().__version__)}
    return versions | {name: version(name) for name in LIBRARIES}


def load(path: Path) -> KerasModel:
    """Return the model of a `.keras` file; raise `ModelError` where it is none, or holds code."""
    refuse_code(path)
    keras = imported_keras()
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        raise ModelError(
            f"{path} is no model that Keras {keras.__version__} can load ({_line(error)}); "
            "save it again."
        ) from error


def save_h5(model: KerasModel, path: Path) -> None:
    """Write the model as HDF5, for those who build images from such files."""
    with warnings.catch_warnings(), _quiet("absl"):
        warnings.simplefilter("ignore")  # it is an old format, as everybody knows
        model.save(path)


def image_of(model: KerasModel, scale: float) -> Image:
    """Return what the model takes; raise `ModelError` unless it is one image of a fixed size."""
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    sizes = shapes[0][1:] if len(shapes) == 1 else ()
    if len(sizes) != 3 or not all(isinstance(size, int) for size in sizes):
        raise ModelError(
            f"The model takes {', '.join(map(str, shapes))}, expected one input (None, height, "
            "width, channels) with fixed numbers; give its Input a whole shape."
        )
    return Image(*sizes, scale=scale)


def probabilities(model: KerasModel, images: np.ndarray) -> np.ndarray:
    """Return the native model's own probabilities, float32 [n, k], for what `encode_images` gave.

    Raises `ModelError` where the model does not end in probabilities or logits.
    """
    answer = _answering(model)
    parts = [answer(images[at : at + BATCH]).numpy() for at in range(0, len(images), BATCH)]
    return np.concatenate(parts)


def to_onnx(model: KerasModel, image: Image) -> bytes:
    """Return the serialized ONNX model: the input `image`, the output `probabilities` [n, k].

    Raises `ModelError` with the name of an operator that ONNX does not have, or of a last layer
    that gives neither probabilities nor logits.
    """
    from serving.onnx_model import PROBABILITIES

    proto = _converted(_answering(model), image)
    if foreign := sorted(_foreign(proto.graph)):
        raise ModelError(
            f"The model could not be converted to ONNX: it has no operator {', '.join(foreign)}; "
            "build the model of other layers."
        )
    rename(proto, {proto.graph.output[0].name: PROBABILITIES})
    # tf2onnx counts up the names of unknown sizes from call to call, and of constants in a set.
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    number_constants(proto)
    return serialized(proto)


def _converted(answer: Callable[[Tensor], Tensor], image: Image) -> ModelProto:
    tf = imported_tensorflow()
    import tf2onnx

    given = (tf.TensorSpec((None, *image.shape), tf.float32, name=IMAGE),)
    try:
        with _quiet("tf2onnx"):
            function = tf.function(answer, input_signature=given)
            proto, _ = tf2onnx.convert.from_function(
                function,
                input_signature=given,
                opset=OPSET,
                custom_op_handlers={"Erfc": (_erfc, [])},
            )
    except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, tf.errors.OpError) as e:
        raise ModelError(f"The model could not be converted to ONNX: {_line(e)}.") from e
    return proto


def _erfc(graph: Any, node: Any, name: str, _: Any) -> None:
    """Replace TensorFlow's erfc(x), which Keras's GELU is made of, by erf(-x) + 1."""
    node.type, node.domain = "Erf", ""
    graph.insert_new_node_on_input(node, "Neg", node.input[0])
    one = graph.make_const(f"{name}/one", np.ones((), np.float32))
    outputs = [node.output[0], one.output[0]]
    graph.insert_new_node_on_output("Add", node.output[0], inputs=outputs)


def _answering(model: KerasModel) -> Callable[[Tensor], Tensor]:
    """Return what gives probabilities [n, k] for images, in TensorFlow."""
    tf = imported_tensorflow()
    head = _head(model)

    def answer(images: Tensor) -> Tensor:
        return head(tf.cast(model(images, training=False), tf.float32))

    return answer


def _head(model: KerasModel) -> Callable[[Tensor], Tensor]:
    """Return what turns the model's own output into probabilities."""
    tf = imported_tensorflow()
    heads: dict[tuple[str, bool], Callable[[Tensor], Tensor]] = {
        ("softmax", False): tf.identity,
        ("linear", False): tf.nn.softmax,
        ("sigmoid", True): lambda p: tf.concat([1 - p, p], axis=1),
        # One minus a sigmoid near 1 would lose what its logit still holds.
        ("linear", True): lambda x: tf.concat([tf.sigmoid(-x), tf.sigmoid(x)], axis=1),
    }
    shape, activation = tuple(model.outputs[0].shape), _activation(model)
    head = heads.get((activation, shape[-1] == 1))
    if head is None or len(shape) != 2 or len(model.outputs) != 1:
        raise ModelError(
            f"The model ends in {activation} of the shape {shape}, expected one output (None, k) "
            "of a softmax or of logits, or (None, 1) of a sigmoid; end it in such a Dense layer."
        )
    return head


def _activation(model: KerasModel) -> str:
    """Return the name of the last activation; of a layer that has none, the name of its class."""
    keras = imported_keras()
    last = model.outputs[0]._keras_history.operation
    while isinstance(last, keras.Model):
        last = last.outputs[0]._keras_history.operation
    if isinstance(last, keras.layers.Softmax):
        return "softmax"
    activation = getattr(last, "activation", None)
    named = keras.activations.serialize(activation) if activation else type(last).__name__
    return named if isinstance(named, str) else str(named.get("class_name"))


def _foreign(graph: GraphProto) -> Iterator[str]:
    """Yield the operators that are none of ONNX's; tf2onnx leaves them in the graph, and logs."""
    from onnx import defs

    for node in graph.node:
        if not defs.has(node.op_type, node.domain):
            yield node.op_type
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _foreign(inner)


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Keep a library from logging what is known, or raised as a sentence."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def imported_keras() -> Any:
    """Return Keras, which must run on TensorFlow; raise `PlatformError` where it does not."""
    imported_tensorflow()
    import keras

    if keras.backend.backend() != "tensorflow":
        raise PlatformError(
            f"Keras runs on {keras.backend.backend()}; unset KERAS_BACKEND or set it to tensorflow."
        )
    return keras


def imported_tensorflow() -> Any:
    """Return TensorFlow; its import takes seconds, and its notes are no news."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import tensorflow
    except ImportError as error:
        raise PlatformError(
            "Models of images need TensorFlow: install it with `pip install 'kanarya[images]'`."
        ) from error
    return tensorflow


def _line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
