"""What a graph may be made of: read as the onnx package reads it, whatever the bytes are."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from serving import onnx_graph
from serving.artifact import MODEL
from serving.errors import ModelError
from serving.onnx_graph import OPERATORS, NotServable, check

HERE = Path("model.onnx")


def model(*nodes: onnx.NodeProto) -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in "xy")
    return helper.make_model(helper.make_graph(list(nodes), "g", [x], [y]))


def operator(name: str, domain: str = "", **attributes: object) -> bytes:
    made = model(helper.make_node(name, ["x"], ["y"], domain=domain, **attributes))
    return bytes(made.SerializeToString())


def test_every_operator_of_the_list_exists_and_has_no_graph_within() -> None:
    for domain, names in OPERATORS.items():
        for name in names:
            schema = onnx.defs.get_schema(name, domain=domain)
            kinds = {attribute.type.name for attribute in schema.attributes.values()}
            assert not kinds & {"GRAPH", "GRAPHS", "SPARSE_TENSORS", "TYPE_PROTO"}, name


@pytest.mark.parametrize("domain", ["", "ai.onnx"])
def test_an_operator_of_the_list_passes_under_both_names_of_its_domain(domain: str) -> None:
    check(operator("Relu", domain), HERE)


@pytest.mark.parametrize(
    ("name", "domain", "said"),
    [
        ("Relu", "ai.onnx.ml", "'Relu' of the domain 'ai.onnx.ml'"),
        ("TreeEnsembleClassifier", "", "'TreeEnsembleClassifier' of the domain 'ai.onnx'"),
        ("Scan", "", "'Scan'"),
        ("RandomNormal", "", "'RandomNormal'"),
        ("relu", "", "'relu'"),
        ("", "", "the operator ''"),
        ("X" * 10_000, "", "X" * 70),
    ],
)
def test_an_operator_that_is_not_on_the_list_is_named(name: str, domain: str, said: str) -> None:
    with pytest.raises(NotServable) as refused:
        check(operator(name, domain), HERE)
    assert said in str(refused.value)
    assert len(str(refused.value)) < 400


def external(tensor: TensorProto) -> TensorProto:
    tensor.external_data.add(key="location", value="x")
    return tensor


def located(tensor: TensorProto) -> TensorProto:
    tensor.data_location = TensorProto.EXTERNAL
    return tensor


def boundless(tensor: TensorProto) -> TensorProto:
    tensor.dims.append(1 << 62)
    return tensor


def negative(tensor: TensorProto) -> TensorProto:
    tensor.dims.append(-1)
    return tensor


@pytest.mark.parametrize("change", [external, located, boundless, negative])
@pytest.mark.parametrize("place", ["an initializer", "a constant", "a constant of many"])
def test_a_tensor_whose_numbers_are_not_in_the_file_is_refused_wherever_it_is(
    place: str, change: object
) -> None:
    tensor = change(numpy_helper.from_array(numpy_helper.np.zeros(3, "f"), "w"))  # type: ignore
    if place == "an initializer":
        made = model(helper.make_node("Relu", ["x"], ["y"]))
        made.graph.initializer.append(tensor)
    else:
        made = model(helper.make_node("Constant", [], ["y"]))
        attribute = made.graph.node[0].attribute.add(name="value")
        (attribute.t.CopyFrom if place == "a constant" else attribute.tensors.append)(tensor)
    with pytest.raises(NotServable, match="tensor 'w'"):
        check(made.SerializeToString(), HERE)


def test_a_graph_in_two_pieces_is_read_as_one() -> None:
    # protobuf joins the pieces of a message, so that a harmless one does not hide another.
    both = operator("Relu") + operator("Loop")
    assert [node.op_type for node in onnx.load_from_string(both).graph.node] == ["Relu", "Loop"]
    with pytest.raises(NotServable, match="'Loop'"):
        check(both, HERE)


@pytest.mark.parametrize("field", ["g", "graphs"])
def test_a_graph_within_an_operator_is_refused(field: str) -> None:
    made = model(helper.make_node("Relu", ["x"], ["y"]))
    attribute = made.graph.node[0].attribute.add(name="body")
    inner = model(helper.make_node("Relu", ["x"], ["y"])).graph
    (attribute.g.CopyFrom if field == "g" else attribute.graphs.append)(inner)
    with pytest.raises(NotServable, match="a graph or a sparse tensor within"):
        check(made.SerializeToString(), HERE)


def test_a_graph_of_too_many_operators_is_refused() -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"])] * (onnx_graph.MAX_NODES + 1)
    with pytest.raises(NotServable, match="50,001 operators"):
        check(model(*nodes).SerializeToString(), HERE)


def test_graphs_within_graphs_without_end_are_one_sentence() -> None:
    data = operator("Relu")
    for _ in range(200):
        inner = onnx.AttributeProto(name="g").SerializeToString()
        data = b"\x3a" + _varint(len(data)) + data + inner
    with pytest.raises(NotServable):
        check(b"\x3a" + _varint(len(data)) + data, HERE)


def _varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80, number >> 7 & 0x7F | 0x80, number >> 14])


@given(st.binary(max_size=200))
def test_any_bytes_pass_or_are_refused_in_one_sentence(data: bytes) -> None:
    with suppress(NotServable):
        check(data, HERE)


@given(at=st.integers(0, 10_000), bits=st.integers(1, 255), cut=st.integers(0, 10_000))
@settings(max_examples=200)
def test_a_model_with_a_changed_byte_has_only_listed_operators_or_is_refused(
    iris_model_dir: Path, at: int, bits: int, cut: int
) -> None:
    data = bytearray((iris_model_dir / MODEL).read_bytes())
    data[at % len(data)] ^= bits
    del data[len(data) - cut % 50 :]
    try:
        check(bytes(data), HERE)
    except ModelError as error:
        assert "\n" not in str(error)
        return
    # What passed here, onnx reads as holding nothing else: the two see the same graph.
    with suppress(Exception):
        for node in onnx.load_from_string(bytes(data)).graph.node:
            assert node.op_type in OPERATORS["" if node.domain == "ai.onnx" else node.domain]
