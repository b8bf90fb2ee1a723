"""What a table artifact says about itself, without reading its rows (and without polars)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from components.errors import UnreadableError
from serving.signature import ColumnKind

TargetKind = Literal["text", "integer", "boolean", "number"]
"""Of classes; `number` is a quantity, which regression predicts."""
DATA_FILE = "data.parquet"
SCHEMA_FILE = "schema.json"


@dataclass(frozen=True)
class TableColumn:
    """One column: cells that are missing, different values, and the range of its numbers.

    `minimum` and `maximum` are None for text and boolean, and where every cell is missing.
    """

    name: str
    kind: ColumnKind
    missing: int
    distinct: int
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class TableSchema:
    """A table: its columns (the target is one of them), its size and where it came from.

    `sha256` is that of the source's bytes; `rows_without_target` were left out when it was read.
    """

    columns: tuple[TableColumn, ...]
    target: str
    target_kind: TargetKind
    rows: int
    sha256: str
    source: str
    delimiter: str = ","
    encoding: str = "utf-8"
    rows_without_target: int = 0

    @property
    def inputs(self) -> tuple[TableColumn, ...]:
        """All columns but the target."""
        return tuple(column for column in self.columns if column.name != self.target)

    @property
    def is_quantity(self) -> bool:
        """Whether the target is a number to be estimated, and no class to be told."""
        return self.target_kind == "number"

    def column(self, name: str) -> TableColumn:
        """Return the column of that name; raise KeyError when there is none."""
        return {column.name: column for column in self.columns}[name]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; `from_json` gives the same schema back."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TableSchema:
        """Return the schema that `to_json` wrote."""
        return cls(**{**value, "columns": tuple(TableColumn(**each) for each in value["columns"])})


def read_schema(directory: Path) -> TableSchema:
    """Return the schema of a table artifact; raise UnreadableError when it has none."""
    path = Path(directory) / SCHEMA_FILE
    try:
        return TableSchema.from_json(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableError(
            f"{directory} is not a table artifact ({error}): run the ingest step again."
        ) from error


def write_schema(directory: Path, schema: TableSchema) -> None:
    """Write the schema into a directory that is still being made."""
    text = json.dumps(schema.to_json(), indent=2, ensure_ascii=False)
    (directory / SCHEMA_FILE).write_text(text + "\n", "utf-8")
