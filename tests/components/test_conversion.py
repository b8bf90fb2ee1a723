"""A pipeline as ONNX: names, thresholds, and what cannot be converted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest

from components import conversion, preprocessing, tree_conversion
from components.onnx_graph import number_constants, serialized
from components.rows import Rows
from components.train.step import Fitted
from serving.errors import UsageError
from serving.signature import Column, encode
from tests.components import tables
from tests.components.tables import Table

pytestmark = pytest.mark.thorough  # trains and converts


def converted(fitted: Fitted) -> onnxruntime.InferenceSession:
    model = conversion.to_onnx(fitted.pipeline, fitted.columns)
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


def difference(fitted: Fitted, given: Rows) -> float:
    (served,) = converted(fitted).run(["probabilities"], encode(fitted.columns, given.cells))
    return float(np.abs(served - preprocessing.ask(fitted.pipeline, fitted.frame)).max())


@pytest.mark.parametrize("kind", tables.QUICK)
def test_a_column_may_have_any_name(tmp_path: Path, kind: str) -> None:
    fitted, given = tables.fitted(tmp_path, tables.iris(tables.HOSTILE_NAMES), kind)
    inputs = converted(fitted).get_inputs()
    assert tuple(each.name for each in inputs) == tables.HOSTILE_NAMES
    assert difference(fitted, given) < 1e-5


def test_columns_named_like_inner_parts_of_the_graph_keep_their_names(tmp_path: Path) -> None:
    plain, _ = tables.fitted(tmp_path / "plain", tables.mixed(), "random_forest")
    graph = onnx.load_from_string(conversion.to_onnx(plain.pipeline, plain.columns)).graph
    inner = [name for node in graph.node for name in node.output if name not in conversion.OUTPUTS]
    names = [inner[0], inner[-1], graph.initializer[0].name, "input_0", "input_2"]
    renamed = tables.mixed().rows.rename(
        dict(zip(tables.mixed().rows.columns, names, strict=False))
    )
    clashing, given = tables.fitted(tmp_path / "2", Table(renamed, "left"), "random_forest")
    assert [each.name for each in converted(clashing).get_inputs()] == names
    assert difference(clashing, given) < 1e-5


@pytest.mark.parametrize("name", ["label", "probabilities", ""])
def test_a_column_with_a_name_of_an_output_is_refused_with_a_remedy(name: str) -> None:
    with pytest.raises(UsageError, match=f"named '{name}' cannot be served.*--drop"):
        conversion.refuse_names((Column("fine", "number"), Column(name, "number")))


@pytest.mark.parametrize("kind", ["random_forest", "hist_gradient_boosting"])
@pytest.mark.parametrize("classes", [2, 3])
def test_trees_split_numbers_that_are_neighbours_in_float32(
    tmp_path: Path, kind: str, classes: int
) -> None:
    # Midway between two neighbours float32 has no number: rounded up, a threshold takes both.
    low = np.float32(1024)
    steps = [low]
    for _ in range(classes - 1):
        steps.append(np.nextafter(steps[-1], np.float32(2048)))
    values = np.array(steps * 60, dtype=np.float64)
    table = Table(pl.DataFrame({"x": values, "y": list(range(classes)) * 60}), "y")
    fitted, given = tables.fitted(tmp_path, table, kind)
    assert (fitted.pipeline.predict(fitted.frame) == given.labels).all()
    assert difference(fitted, given) < 1e-5


def test_a_threshold_is_rounded_down_never_up() -> None:
    values = np.array([0.1, -0.1, 1.0, 1 + 2**-25, 16777217.0, -16777217.0])
    rounded = tree_conversion._floor(values).astype(np.float64)
    assert (rounded <= values).all()
    assert (np.nextafter(rounded.astype(np.float32), np.float32(np.inf)) > values).all()


def test_a_forest_whose_trees_never_saw_a_class_keeps_its_place(tmp_path: Path) -> None:
    rows = {"x": np.arange(90.0), "y": ["a"] * 44 + ["b"] * 45 + ["rare"]}
    fitted, given = tables.fitted(tmp_path, Table(pl.DataFrame(rows), "y"), "random_forest")
    assert difference(fitted, given) < 1e-5


def test_numbers_far_from_zero_agree_in_a_scaled_model(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    serial = rng.integers(16_000_000, 16_000_100, 300)
    label = np.where(serial + rng.normal(0, 3, 300) > 16_000_050, "new", "old")
    table = Table(pl.DataFrame({"serial": serial, "y": label}), "y")
    fitted, given = tables.fitted(tmp_path, table, "logistic_regression")
    assert difference(fitted, given) < 1e-5


def test_a_text_column_of_many_values_keeps_the_most_frequent_ones(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = [f"w{i:03}" for i in rng.integers(0, 300, 800)] + ["often"] * 100
    rows = {"word": words, "y": ["yes" if w == "often" else "no" for w in words]}
    fitted, given = tables.fitted(tmp_path, Table(pl.DataFrame(rows), "y"), "random_forest")
    encoder = fitted.pipeline["prepare"].named_transformers_["texts"]
    assert len(encoder.categories_[0]) == preprocessing.MAX_CATEGORIES
    assert "often" in encoder.categories_[0]
    assert fitted.columns[0].categories == ()
    assert difference(fitted, given) < 1e-5


def test_a_column_that_is_all_missing_in_the_training_part_keeps_its_place(tmp_path: Path) -> None:
    table = tables.iris()
    empty = table.rows.with_columns(pl.lit(None, dtype=pl.Float64).alias("sw"))
    for kind in tables.QUICK:
        fitted, given = tables.fitted(tmp_path / kind, Table(empty, "species"), kind)
        assert difference(fitted, given) < 1e-5


def sums(order: list[str], sets: list[tuple[str, int]]) -> onnx.ModelProto:
    """A graph that adds a and b to x, with its constants and operator sets in some order."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [helper.make_node("Add", ["x", "a"], ["y"]), helper.make_node("Add", ["y", "b"], ["z"])]
    values = {name: numpy_helper.from_array(np.float32([len(name)]), name) for name in order}
    given, answer = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in ("x", "z"))
    graph = helper.make_graph(nodes, "sums", [given], [answer], list(values.values()))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid(*each) for each in sets])


def test_the_same_graph_is_the_same_bytes_in_whatever_order_a_converter_kept_its_parts() -> None:
    sets = [("", 18), ("ai.onnx.ml", 3)]
    one, other = sums(["a", "b"], sets), sums(["b", "a"], sets[::-1])
    for model in (one, other):
        number_constants(model)
    assert serialized(one) == serialized(other)
    assert [each.name for each in one.graph.initializer] == ["constant_0", "constant_1"]
    assert [list(node.input) for node in one.graph.node] == [
        ["x", "constant_0"],
        ["y", "constant_1"],
    ]
