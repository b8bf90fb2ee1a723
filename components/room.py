"""How much memory a training takes, and a refusal where that cannot be had.

Estimates err to the large side: a forest is counted with the leaves of one that no rule can sort.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components import models
from serving.errors import UsageError

if TYPE_CHECKING:
    from components.table_schema import TableSchema

IN_MEMORY = 300_000_000
"""Bytes of a table beyond which kinds that learn by epochs read it in batches."""
NUMBER, WORD, PLACE = 32, 120, 12
"""Bytes of a cell that is read whole, from the column to the features of a model; of a word also
for each word of its column that gets a place."""
NODE, SHARE = 64, 8
"""Bytes of a node of a tree, and of each class (or the number) in it."""
WEIGHT = 40
"""Bytes of a weight of a network: itself, its slope, what the optimizer and the best epoch hold of
it, and its copies while it is written as ONNX."""
DRAWN = 0.632
"""The share of different rows in a sample that a tree of a forest is grown on."""
BY_EPOCHS = "a kind that learns by epochs, such as linear_svm or mlp, which reads rows in batches"


def table(schema: TableSchema) -> int:
    """Return the bytes that a training part takes where it is read whole."""
    from components.preprocessing import MAX_CATEGORIES

    row = sum(
        WORD + PLACE * min(column.distinct, MAX_CATEGORIES) if column.kind == "text" else NUMBER
        for column in schema.inputs
    )
    return schema.rows * row


def is_streamed(
    kind: str, asked: Mapping[str, Any], task: str, schema: TableSchema, in_memory: int = IN_MEMORY
) -> bool:
    """Say whether a kind reads this table in batches: it can, and the table is large."""
    return models.by_epochs(kind, asked, task) and table(schema) > in_memory


def refuse_rows(kind: str, settings: Mapping[str, Any], rows: int) -> None:
    """Raise `UsageError` for more rows than a kind takes whose time grows with their square."""
    most = settings.get("max_rows")
    if most is not None and rows > most:
        raise UsageError(
            f"{kind} has {rows:,} rows to train on and takes {most:,}, since its time grows with "
            f"their square: raise max_rows, give it fewer rows, or choose {BY_EPOCHS}."
        )


def refuse_too_much(
    kind: str, settings: Mapping[str, Any], schema: TableSchema, there: int | None = None
) -> None:
    """Raise `UsageError` for more rows or more memory than the kind and this machine have.

    `there`: bytes that can be had; None: as many as the system says.
    """
    refuse_rows(kind, settings, schema.rows)
    there = free() if there is None else there
    needed = needs(kind, settings, schema)
    if there is not None and needed > there:
        raise UsageError(
            f"{kind} may take {needed / 1e9:,.1f} GB of memory for {schema.rows:,} rows of "
            f"{len(schema.inputs)} columns, and {there / 1e9:,.1f} GB are free: "
            f"{_remedy(kind)}, give it fewer rows or more memory, or choose {BY_EPOCHS}."
        )


def refuse_wide(
    kind: str, settings: Mapping[str, Any], schema: TableSchema, there: int | None = None
) -> None:
    """Raise `UsageError` for a network of more weights than this machine has memory for.

    It is of one size whatever the rows are, and whether they are read in batches or not.
    """
    there = free() if there is None else there
    weights = _weights(settings.get("hidden_layer_sizes", ()), schema)
    if there is not None and weights * WEIGHT > there:
        raise UsageError(
            f"{kind} has {weights:,} weights, which may take {weights * WEIGHT / 1e9:,.1f} GB of "
            f"memory, and {there / 1e9:,.1f} GB are free: lower hidden_layer_sizes, or give it "
            "more memory."
        )


def _weights(hidden: Sequence[int], schema: TableSchema) -> int:
    from components.preprocessing import MAX_CATEGORIES

    seen = sum(
        min(column.distinct, MAX_CATEGORIES) if column.kind == "text" else 1
        for column in schema.inputs
    )
    told = 1 if schema.is_quantity else schema.column(schema.target).distinct
    return sum((below + 1) * above for below, above in pairwise([seen, *hidden, told]))


def _remedy(kind: str) -> str:
    smaller = "lower n_estimators or max_depth or raise min_samples_leaf"
    return smaller if kind == "random_forest" else "leave out columns"


def needs(kind: str, settings: Mapping[str, Any], schema: TableSchema) -> int:
    """Return the bytes that training a kind on a whole table takes at most."""
    classes = 1 if schema.is_quantity else schema.column(schema.target).distinct
    beside = {"random_forest": _forest, "hist_gradient_boosting": _boosting}.get(kind)
    return table(schema) + (beside(settings, schema, classes) if beside else 0)


def _forest(settings: Mapping[str, Any], schema: TableSchema, classes: int) -> int:
    nodes = 2 * DRAWN * schema.rows / settings["min_samples_leaf"]
    if settings["max_depth"] is not None:
        nodes = min(nodes, 2.0 ** (settings["max_depth"] + 1))
    return int(settings["n_estimators"] * nodes * (NODE + SHARE * classes))


def _boosting(settings: Mapping[str, Any], schema: TableSchema, classes: int) -> int:
    # The rows as float64 and in bins of a byte; for each class a gradient, a curvature, a score.
    trees = classes if classes > 2 else 1
    return schema.rows * (9 * len(schema.inputs) + 24 * trees)


def free(system: Path = Path("/")) -> int | None:
    """Return the bytes that this process can have: of its machine or its container; None: unknown.

    `system`: where the files are that Linux tells it in.
    """
    found = [each for each in (_of_machine(system), _of_container(system)) if each is not None]
    return min(found) if found else None


def _of_machine(system: Path) -> int | None:
    try:
        lines = (system / "proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    told = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return next((int(kilobytes) * 1024 for kilobytes in told), None)


def _of_container(system: Path) -> int | None:
    folder = system / "sys/fs/cgroup"
    try:
        most = (folder / "memory.max").read_text(encoding="ascii").strip()
        held = int((folder / "memory.current").read_text(encoding="ascii"))
        counts = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    if most == "max":
        return None
    # What files left in the cache is given back when it is asked for.
    cached = next((int(c.split()[1]) for c in counts if c.startswith("inactive_file ")), 0)
    return max(0, int(most) - held + cached)
