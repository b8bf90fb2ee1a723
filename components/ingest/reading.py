"""What a reading of a text leaves to be told, whichever way it was read."""

from __future__ import annotations

from dataclasses import dataclass

from components.csv_columns import Cast
from components.csv_format import Layout
from components.table_schema import TableSchema, TargetKind


@dataclass(frozen=True)
class Read:
    """A table whose rows are written.

    `sha256`: of the bytes of all files. `layout`, `encoding`: of the first one. `without_target`:
    how many rows were left out.
    """

    sha256: str
    layout: Layout
    encoding: str
    target: Cast
    kind: TargetKind
    without_target: int

    def schema(self, uri: str) -> TableSchema:
        """Return the schema but for its columns and rows, which are counted in what was written."""
        return TableSchema(
            columns=(),
            target=self.target.name,
            target_kind=self.kind,
            rows=0,
            sha256=self.sha256,
            source=uri,
            delimiter=self.layout.dialect.separator.decode(),
            encoding=self.encoding,
            rows_without_target=self.without_target,
        )
