"""What somebody who can write does to a model directory."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import zipfile
from collections.abc import Callable, Iterable
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from serving.artifact import CARD, GOLDEN, MANIFEST, MODEL

Damage = Callable[[Path, Path], Any]
"""Takes a copy of a sound directory, and the path that any executed code would make."""


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
