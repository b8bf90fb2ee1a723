"""Small changes to ONNX graphs that every converter needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto


def rename(model: ModelProto, wanted: Mapping[str, str]) -> None:
    """Give inputs and outputs their names; whatever else bears one of these names yields it."""
    graph = model.graph
    taken = set(wanted.values())

    def new(name: str) -> str:
        return wanted.get(name) or (f"inner/{name}" if name in taken else name)

    for value in [*graph.input, *graph.output, *graph.initializer, *graph.value_info]:
        value.name = new(value.name)
    for node in graph.node:
        node.input[:] = [new(name) for name in node.input]
        node.output[:] = [new(name) for name in node.output]


def number_constants(model: ModelProto) -> None:
    """Name the constants by the order in which the graph uses them, and store them so."""
    graph = model.graph
    held = {value.name: value.SerializeToString() for value in graph.initializer}
    used = dict.fromkeys(name for node in graph.node for name in node.input if name in held)
    del graph.initializer[:]
    for name in used:
        graph.initializer.add().ParseFromString(held[name])
    rename(model, {name: f"constant_{place}" for place, name in enumerate(used)})


def serialized(model: ModelProto) -> bytes:
    """Return the bytes of a model, the same for the same graph.

    Converters keep the operator sets in a Python set, whose order is another one in each process.
    """
    sets = sorted((each.domain, each.version) for each in model.opset_import)
    del model.opset_import[:]
    for domain, version in sets:
        model.opset_import.add(domain=domain, version=version)
    return bytes(model.SerializeToString(deterministic=True))
