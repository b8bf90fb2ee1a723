"""A corpus of hostile model directories: a sound one, what was done to it, what is said of it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto

from serving.artifact import CARD, GOLDEN, MANIFEST, MODEL, seal
from tests.serving.damage import (
    Damage,
    a_burrow,
    a_crowd,
    a_device,
    a_few_thousand,
    a_million,
    a_pipe_as,
    a_socket,
    answers,
    array,
    bomb,
    branch,
    card,
    elsewhere,
    golden,
    golden_pickle,
    graph,
    grown,
    huge_tensor,
    linked,
    listed,
    lying,
    manifest,
    moved_and_linked,
    nested,
    node,
    numbers,
    pickled,
    signature,
    skops_call,
    skops_type,
    with_function,
    written,
    zipped,
)


@dataclass(frozen=True)
class Case:
    """What was done, what the refusal says, and whether the manifest was written anew after it."""

    damage: Damage
    words: str
    resealed: bool = True
    native: bool = False
    """Done to a model that answers from its skops file."""

    def apply(self, directory: Path, marker: Path) -> None:
        self.damage(directory, marker)
        if self.resealed:
            seal(directory)


def doublings(times: int) -> list[onnx.NodeProto]:
    """Join a column with itself, again and again, then add it all up: 2 ** times numbers a row."""
    names = ["sepal_length", *(f"twice{i}" for i in range(times))]
    joins = [node("Concat", f"{a} {a}", b, axis=1) for a, b in pairwise(names)]
    return [*joins, *summed(names[-1])]


def summed(name: str) -> list[onnx.NodeProto]:
    """Add up each row, and give it as the answer of three classes."""
    return [
        node("ReduceSum", f"{name} axes", "sum", keepdims=1),
        node("Concat", "sum sum sum", axis=1),
    ]


AXES = numbers("axes", [1])
LONG = {"a": (60_000, 1), "b": (1, 60_000)}
NO_MEMORY = "asks for more memory than it may take"

SPREAD = [node("Add", "sepal_length all", "x"), *summed("x")]

CASES: dict[str, Case] = {
    # the directory
    "a swapped file": Case(lambda d, _: shutil.copy(d / CARD, d / MODEL), MODEL, resealed=False),
    "a missing file": Case(
        lambda d, _: (d / MODEL).unlink(), f"{MODEL} is missing", resealed=False
    ),
    "an extra file": Case(written("x.py", b"import os"), "x.py is not listed", resealed=False),
    "what a killed seal left": Case(
        written(f".{MANIFEST}.partial", b"{}"), "partial is not listed", resealed=False
    ),
    "a link to a file": Case(
        moved_and_linked(MODEL), f"{MODEL} is a symbolic link", resealed=False
    ),
    "a link to a folder": Case(moved_and_linked("native"), "native is a symbolic", resealed=False),
    "a link as the manifest": Case(moved_and_linked(MANIFEST), MANIFEST, resealed=False),
    "a link to a device": Case(
        linked(MODEL, "/dev/zero"), f"{MODEL} is a symbolic", resealed=False
    ),
    "a pipe": Case(lambda d, _: os.mkfifo(d / "pipe"), "pipe is not a plain file", resealed=False),
    "a pipe as the model": Case(a_pipe_as(MODEL), f"{MODEL} is not a plain file", resealed=False),
    "a pipe as the manifest": Case(a_pipe_as(MANIFEST), MANIFEST, resealed=False),
    "a socket": Case(a_socket, "s is not a plain file", resealed=False),
    "a device": Case(a_device, "zero is not a plain file", resealed=False),
    "folders without end": Case(a_burrow, "32 folders within one another", resealed=False),
    "files without end": Case(a_crowd, "more than 10,000 files", resealed=False),
    # the manifest
    "a path that climbs out": Case(
        listed("../../etc/passwd"), "leaves the directory", resealed=False
    ),
    "an absolute path": Case(listed("/etc/passwd"), "leaves the directory", resealed=False),
    "a million entries": Case(a_million, f"{MANIFEST} has more than", resealed=False),
    "too many entries": Case(manifest(a_few_thousand), "more than 10,000", resealed=False),
    "a deep manifest": Case(written(MANIFEST, nested(500_000)), MANIFEST, resealed=False),
    # the card
    "a deep card": Case(written(CARD, nested(500_000)), CARD),
    "a huge card": Case(lambda d, _: os.truncate(d / CARD, 2**25), f"{CARD} has more than"),
    "a pickle as the card": Case(written(CARD, pickled), CARD),
    "a card of another model": Case(
        signature(lambda s: s["inputs"][0].update(name="other")), "disagree about the inputs"
    ),
    "a card with text for numbers": Case(
        signature(lambda s: [each.update(kind="text") for each in s["inputs"]]), MODEL
    ),
    "a card with a label too few": Case(signature(lambda s: s["labels"].pop()), MODEL),
    "a card with a label too many": Case(signature(lambda s: s["labels"].append("x")), MODEL),
    "a card with labels of lists": Case(signature(lambda s: s.update(labels=[[], []])), "labels"),
    "a card with a column twice": Case(
        signature(lambda s: s["inputs"].append(s["inputs"][0])), "'sepal_length' twice"
    ),
    "a card whose columns are numbers": Case(signature(lambda s: s.update(inputs=[1])), "column"),
    "a card whose signature is a text": Case(card(signature="x"), "card"),
    "a card whose name is a list": Case(card(name=[]), f"{CARD}: The card is damaged"),
    "a card that asks for pickle": Case(card(runtime="pickle"), "runtime 'pickle'"),
    "a card that asks for a path": Case(card(runtime="../../x"), "runtime"),
    "a card that asks for skops without a file": Case(card(runtime="skops"), "model.skops"),
    # the golden rows
    "a zip bomb": Case(written(GOLDEN, lambda _: bomb()), "unpacked it has"),
    "a zip that claims less": Case(written(GOLDEN, lying("names.npy", 200)), GOLDEN),
    "a zip that claims more": Case(written(GOLDEN, lying("names.npy", 2**31)), "unpacked it has"),
    "a header that claims a terabyte": Case(golden(probabilities=array((1 << 38,))), GOLDEN),
    "a header that claims less than nothing": Case(golden(probabilities=array((-1, 3))), GOLDEN),
    "golden rows that hold a pickle": Case(golden_pickle, GOLDEN),
    "a pickle as the golden rows": Case(written(GOLDEN, pickled), GOLDEN),
    "golden answers that are NaN": Case(answers(lambda p: p * np.nan), "a difference of nan"),
    "golden answers that are text": Case(answers(lambda p: p.astype(str)), "probabilities are <U"),
    "golden answers of other rows": Case(answers(lambda p: p[1:]), GOLDEN),
    # the model
    "a pickle posing as ONNX": Case(written(MODEL, pickled), f"{MODEL} is no ONNX model"),
    "text posing as ONNX": Case(written(MODEL, b"import os"), f"{MODEL} is no ONNX model"),
    "an empty model": Case(written(MODEL, b""), f"{MODEL} is no ONNX model"),
    "a model of zeros": Case(grown(2**20), f"{MODEL}"),
    "ONNX Runtime's own format": Case(written(MODEL, b"\x18\0\0\0ORTM" + bytes(64)), MODEL),
    "weights in a file outside": Case(elsewhere("/etc/passwd"), "'w' in another file"),
    "weights that climb out": Case(elsewhere("../../etc/passwd"), "'w' in another file"),
    "weights in a file beside": Case(elsewhere(CARD), "'w' in another file"),
    "an operator of another domain": Case(
        graph([node("Run", "sepal_length", domain="evil.org")]), "'Run' of the domain 'evil.org'"
    ),
    "an operator of the runtime's own": Case(
        graph([node("Gelu", "sepal_length", domain="com.microsoft")]), "'com.microsoft'"
    ),
    "a loop": Case(graph([node("Loop", "n c sepal_length", body=branch("x"))]), "'Loop'"),
    "a branch": Case(
        graph([node("If", "c", then_branch=branch("t"), else_branch=branch("e"))]), "'If'"
    ),
    "a function": Case(
        graph([node("F", "sepal_length", domain="evil.org")], (), with_function), "functions"
    ),
    "a tensor of a told size": Case(
        graph([node("ConstantOfShape", "s")], [numbers("s", [1 << 31])]), "'ConstantOfShape'"
    ),
    "a tensor repeated": Case(
        graph([node("Tile", "sepal_length s")], [numbers("s", [1 << 20, 1 << 20])]), "'Tile'"
    ),
    "a tensor without its bytes": Case(
        graph([node("Add", "sepal_length w")], [huge_tensor()]), "for which it has no bytes"
    ),
    "a tensor joined with itself": Case(graph(doublings(31), [AXES]), NO_MEMORY),
    "a tensor padded": Case(
        graph(
            [node("Pad", "sepal_length p", "x"), *summed("x")],
            [numbers("p", [0, 0, 0, 1 << 33]), AXES],
        ),
        NO_MEMORY,
    ),
    "a product of two weights": Case(
        graph(
            [node("MatMul", "a b", "ab"), node("ReduceSum", "ab", "all"), *SPREAD],
            [numbers(name, np.ones(shape), np.float32) for name, shape in LONG.items()] + [AXES],
        ),
        NO_MEMORY,
    ),
    "answers of another type": Case(
        graph([node("Cast", "sepal_length", to=TensorProto.INT64)]), MODEL
    ),
    "answers of another shape": Case(graph([node("Identity", "sepal_length")]), MODEL),
    # the native model, where it answers
    "a skops file that names os.system": Case(skops_type("os", "system"), "os.system", native=True),
    "a skops file that names eval": Case(
        skops_type("builtins", "eval"), "builtins.eval", native=True
    ),
    "a skops file with a neighbour tree": Case(
        skops_type("sklearn.neighbors._kd_tree", "KDTree"), "KDTree", native=True
    ),
    "a skops file that calls": Case(skops_call, "os.reduce", native=True),
    "a pickle posing as skops": Case(
        written("native/model.skops", pickled), "model.skops cannot be read", native=True
    ),
    "a skops file that is a bomb": Case(
        written("native/model.skops", lying("schema.json", 2**30)),
        "schema.json has more",
        native=True,
    ),
    "a skops file with a deep schema": Case(
        written("native/model.skops", lambda _: zipped({"schema.json": nested(500_000)})),
        "model.skops",
        native=True,
    ),
    "a skops file of other labels": Case(
        signature(lambda s: s["labels"].reverse()), "disagree about the order", native=True
    ),
}
"""Each of these must never be served."""
