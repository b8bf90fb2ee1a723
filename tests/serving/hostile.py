"""A corpus of hostile model directories: a sound one, and what somebody who can write did to it."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from serving.artifact import CARD, GOLDEN, MANIFEST, MODEL, seal

Damage = Callable[[Path, Path], Any]
"""Takes a copy of a sound directory, and the path that any executed code would make."""


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


class Payload:
    """Makes the marker when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def written(name: str, content: Callable[[Path], bytes] | bytes) -> Damage:
    def damage(directory: Path, marker: Path) -> None:
        data = content if isinstance(content, bytes) else content(marker)
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(data)

    return damage


def pickled(marker: Path) -> bytes:
    return pickle.dumps(Payload(marker))


def grown(size: int) -> Damage:
    return lambda directory, _: os.truncate(directory / MODEL, size)


def linked(name: str, target: str) -> Damage:
    def damage(directory: Path, _: Path) -> None:
        path = directory / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    return damage


def moved_and_linked(name: str) -> Damage:
    """Put the very same file or folder elsewhere, and a link in its place."""

    def damage(directory: Path, _: Path) -> None:
        elsewhere = directory.with_name("elsewhere")
        shutil.move(directory / name, elsewhere)
        (directory / name).symlink_to(elsewhere)

    return damage


def a_socket(directory: Path, _: Path) -> None:
    # The path of a socket is short.
    with TemporaryDirectory(dir="/tmp") as short, socket.socket(socket.AF_UNIX) as sock:
        sock.bind(f"{short}/s")
        Path(short, "s").rename(directory / "s")


def a_device(directory: Path, _: Path) -> None:
    try:
        os.mknod(directory / "zero", 0o666 | 0o020000, os.makedev(1, 5))
    except OSError:
        pytest.skip("needs the right to make devices: run the tests as root")


def a_pipe_as(name: str) -> Damage:
    def damage(directory: Path, _: Path) -> None:
        (directory / name).unlink()
        os.mkfifo(directory / name)

    return damage


def a_burrow(directory: Path, _: Path) -> None:
    path = directory
    for _ in range(40):
        path = path / "d"
    path.mkdir(parents=True)


def a_crowd(directory: Path, _: Path) -> None:
    (directory / "native" / "many").mkdir()
    for i in range(10_050):
        (directory / "native" / "many" / str(i)).touch()


def manifest(change: Callable[[dict[str, Any]], Any]) -> Damage:
    def damage(directory: Path, _: Path) -> None:
        value = json.loads((directory / MANIFEST).read_text())
        change(value["files"])
        (directory / MANIFEST).write_text(json.dumps(value))

    return damage


def listed(path: str) -> Damage:
    return manifest(lambda files: files.update({path: files[MODEL]}))


def a_million(directory: Path, _: Path) -> None:
    entries = (f'"{i}": {{"size": 0, "sha256": "0"}}' for i in range(1_000_000))
    (directory / MANIFEST).write_text(f'{{"format": 1, "files": {{{", ".join(entries)}}}}}')


def a_few_thousand(files: dict[str, Any]) -> None:
    files.update({str(i): {"size": 0, "sha256": "0" * 64} for i in range(20_000)})


def nested(depth: int) -> bytes:
    return b'{"format": 1, "files": ' + b"[" * depth + b"]" * depth + b"}"


def card(**changes: Any) -> Damage:
    def damage(directory: Path, _: Path) -> None:
        value = json.loads((directory / CARD).read_text())
        (directory / CARD).write_text(json.dumps({**value, **changes}))

    return damage


def signature(change: Callable[[dict[str, Any]], Any]) -> Damage:
    def damage(directory: Path, _: Path) -> None:
        value = json.loads((directory / CARD).read_text())
        change(value["signature"])
        (directory / CARD).write_text(json.dumps(value))

    return damage


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", method, compresslevel=1) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def array(shape: tuple[int, ...], data: bytes = b"") -> bytes:
    """Return a .npy file whose header claims a shape."""
    stream = BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + data


def golden(**members: bytes) -> Damage:
    def damage(directory: Path, marker: Path) -> None:
        with zipfile.ZipFile(directory / GOLDEN) as archive:
            sound = {name: archive.read(name) for name in archive.namelist()}
        changed = {f"{name}.npy": data for name, data in members.items()}
        (directory / GOLDEN).write_bytes(zipped({**sound, **changed}))

    return damage


def golden_pickle(directory: Path, marker: Path) -> None:
    stream = BytesIO()
    np.save(stream, np.array([Payload(marker)], dtype=object), allow_pickle=True)
    golden(probabilities=stream.getvalue())(directory, marker)


def answers(change: Callable[[np.ndarray], np.ndarray]) -> Damage:
    def damage(directory: Path, marker: Path) -> None:
        with np.load(directory / GOLDEN) as arrays:
            given = change(arrays["probabilities"].copy())
        stream = BytesIO()
        np.save(stream, given)
        golden(probabilities=stream.getvalue())(directory, marker)

    return damage


def graph(
    nodes: Iterable[onnx.NodeProto],
    tensors: Iterable[onnx.TensorProto] = (),
    change: Callable[[onnx.ModelProto], Any] = lambda model: None,
) -> Damage:
    """Put a graph over the model's own inputs in its place; its output is `probabilities`."""

    def damage(directory: Path, _: Path) -> None:
        sound = onnx.load(directory / MODEL, load_external_data=False)
        output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, None])
        made = helper.make_graph(list(nodes), "g", sound.graph.input, [output], list(tensors))
        domains = ("", 18), ("ai.onnx.ml", 3), ("evil.org", 1), ("com.microsoft", 1)
        opsets = [helper.make_opsetid(domain, version) for domain, version in domains]
        model = helper.make_model(made, opset_imports=opsets, ir_version=9)
        change(model)
        (directory / MODEL).write_bytes(model.SerializeToString())

    return damage


def node(operator: str, inputs: str, output: str = "probabilities", **more: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), [output], **more)


def numbers(name: str, values: Any, kind: Any = np.int64) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, kind), name)


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


def elsewhere(location: str) -> Damage:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1, 3])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return graph([node("Add", "sepal_length w")], [tensor])


def huge_tensor() -> onnx.TensorProto:
    return TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1 << 20, 1 << 20])


def with_function(model: onnx.ModelProto) -> None:
    body = [helper.make_node("Identity", ["x"], ["y"])]
    opsets = [helper.make_opsetid("", 18)]
    model.functions.append(helper.make_function("evil.org", "F", ["x"], ["y"], body, opsets))


def branch(name: str) -> onnx.GraphProto:
    value = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
    return helper.make_graph(
        [helper.make_node("Identity", ["sepal_length"], [name])], "b", [], [value]
    )


def skops_type(module: str, name: str) -> Damage:
    """Let the native file name another type in the place of its classifier."""
    return skops_schema(
        {'"NearestCentroid"': f'"{name}"', "sklearn.neighbors._nearest_centroid": module}
    )


def skops_schema(change: dict[str, str]) -> Damage:
    def damage(directory: Path, _: Path) -> None:
        path = directory / "native" / "model.skops"
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        text = members["schema.json"].decode()
        for word, other in change.items():
            assert word in text
            text = text.replace(word, other)
        path.write_bytes(zipped({**members, "schema.json": text.encode()}))

    return damage


def skops_call(directory: Path, marker: Path) -> None:
    """Ask skops to call a function of os, as its files may, and trust it in the file's company."""
    call = {
        "__class__": "reduce",
        "__module__": "os",
        "__loader__": "OperatorFuncNode",
        "attrs": {"__class__": "mkdir", "__module__": "os", "content": [str(marker)]},
    }
    schema = {**call, "protocol": 1, "_skops_version": "0.16.0", "__id__": 1}
    data = zipped({"schema.json": json.dumps(schema).encode()})
    (directory / "native" / "model.skops").write_bytes(data)
    trusted = "flavors: {sklearn: {skops_trusted_types: [os.mkdir, os.reduce]}}\n"
    (directory / "native" / "MLmodel").write_text(trusted)


@cache
def bomb() -> bytes:
    return zipped({"names.npy": bytes(300 * 2**20)})


def lying(name: str, claimed: int) -> bytes:
    """Return an archive whose directory claims another size of its one member."""
    true = 12_345
    sizes = (size.to_bytes(4, "little") for size in (true, claimed))
    return zipped({name: bytes(true)}).replace(*sizes)


LONG = {"a": (60_000, 1), "b": (1, 60_000)}
NO_MEMORY = "asks for more memory than it may take"

spread = [node("Add", "sepal_length all", "x"), *summed("x")]

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
            [node("MatMul", "a b", "ab"), node("ReduceSum", "ab", "all"), *spread],
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
