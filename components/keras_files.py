"""A `.keras` file as it lies on the disk: what it would build, known before anything is built."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serving.errors import ModelError

CONFIG = "config.json"
LIMIT = 16 * 2**20
"""Bytes that a configuration may unpack to; that of a ResNet with 50 layers has a fiftieth."""

MODULES = frozenset(
    {
        *("keras", "keras.layers", "keras.models", "keras.activations", "keras.initializers"),
        *("keras.regularizers", "keras.constraints", "keras.dtype_policies"),
    }
)
INNER = ("keras.src.models.", "keras.src.ops.")
"""Where functional models, and the arithmetic between their layers, say that they come from."""
VALUES = frozenset({"__keras_tensor__", "__tensor__", "__numpy__"})

CODE = frozenset({"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
"""Keras's own layers that hold a program, or load one."""
FILES = frozenset({"StringLookup", "IntegerLookup", "TextVectorization"})
"""Layers that open the files which their configuration names."""
IGNORED = frozenset({"compile_config"})
"""What only training needs; it is not loaded."""


def refuse_code(path: Path) -> None:
    """Raise `ModelError` for a file that is none, or that holds more than Keras's own layers.

    The names are compared with a list of ours before Keras sees the file; its own safe mode, which
    trusts whatever is registered in the process, comes on top.
    """
    for module, kind in _objects(_config(path)):
        if kind in CODE or kind == "__lambda__":
            reason = "holds a program of its own, and files are never executed"
        elif kind in FILES:
            reason = "opens files that the model names"
        elif _is_known(module, kind):
            continue
        else:
            reason = "is none of Keras's own"
        raise ModelError(
            f"{path}: the layer {kind.strip('_')!r} {reason}; build the model of Keras's layers "
            "and save it again."
        )


def _config(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            size = archive.getinfo(CONFIG).file_size
            if size > LIMIT:
                raise ModelError(f"{path}: {CONFIG} has {size} bytes, allowed are {LIMIT}.")
            return json.loads(archive.read(CONFIG))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{path} is no .keras file ({str(error).splitlines()[0]}); save it with model.save()."
        ) from error


def _objects(value: Any) -> Iterator[tuple[object, str]]:
    """Yield module and class of everything that the configuration would build."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, dict):
            if "class_name" in item:
                yield item.get("module"), str(item["class_name"])
            pending.extend(inner for key, inner in item.items() if key not in IGNORED)


def _is_known(module: object, kind: str) -> bool:
    if module is None:
        return kind in VALUES
    return isinstance(module, str) and (module in MODULES or module.startswith(INNER))
