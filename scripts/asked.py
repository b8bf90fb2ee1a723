"""What `kanarya predict` is given, a file of any kind, as the requests that a model understands."""

from __future__ import annotations

import base64
import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from serving.errors import UsageError

BATCH, PICTURE_BATCH = 500, 16
"""Instances in a request: rows of a table, pictures as nested lists."""
PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF")
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


@dataclass(frozen=True)
class Wanted:
    """What a model takes: the V2 datatype of each column, or pictures."""

    name: str
    columns: Mapping[str, str]
    is_image: bool

    @classmethod
    def from_metadata(cls, name: str, metadata: Mapping[str, Any]) -> Wanted:
        """Return it from the model's V2 metadata: a tensor of pixels has more than two axes."""
        inputs = metadata["inputs"]
        columns = {each["name"]: each["datatype"] for each in inputs}
        return cls(name, columns, any(len(each["shape"]) > 2 for each in inputs))

    def __str__(self) -> str:
        return "pictures" if self.is_image else f"columns ({', '.join(self.columns)})"


@dataclass(frozen=True)
class Question:
    """One request; `about`: the file whose picture it asks about."""

    protocol: Literal["v1", "v2"]
    body: Mapping[str, Any]
    about: str = ""


def questions(path: Path, wanted: Wanted, limit: int, scratch: Path) -> Iterator[Question]:
    """Yield the requests that ask about what a file or a folder holds; `limit`: 0 is all of it.

    What it is, its first bytes tell: CSV, Parquet, JSON (a body of V1 or V2, records, one a line)
    or a picture. Raises UsageError for what cannot be asked of this model.
    """
    if path.is_dir():
        yield from _folder(path, wanted, limit)
        return
    kind, path = _kind(path, scratch)
    if kind == "json":
        yield from _json(path, wanted, limit)
        return
    if wanted.is_image != (kind == "picture"):
        raise UsageError(
            f"it is {'a picture' if kind == 'picture' else 'a table'}, and {wanted.name} takes "
            f"{wanted}; give it those, or JSON"
        )
    if kind == "picture":
        yield _picture(path, path.name)
        return
    for rows in _rows(kind, path, limit, scratch):
        yield Question("v1", {"instances": [_instance(row, wanted.columns) for row in rows]})


def _kind(path: Path, scratch: Path) -> tuple[str, Path]:
    """Return what the file is, and the file itself or what was packed in it."""
    from components import csv_unpacked
    from components.asked_rows import PARQUET

    if csv_unpacked.packing(path):
        unpacked = scratch / "unpacked"
        with csv_unpacked.opened(path) as packed, unpacked.open("wb") as copy:
            shutil.copyfileobj(packed, copy)
        path = unpacked
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(PARQUET):
        return "parquet", path
    if head.startswith(PICTURES):
        return "picture", path
    is_json = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
    return ("json" if is_json else "csv"), path


def _rows(kind: str, path: Path, limit: int, scratch: Path) -> Iterator[list[dict[str, Any]]]:
    from components import asked_rows

    if kind == "parquet":
        return asked_rows.of_parquet(path, limit, BATCH)
    return asked_rows.of_csv(path, scratch / "utf8", limit, BATCH)


def _folder(path: Path, wanted: Wanted, limit: int) -> Iterator[Question]:
    if not wanted.is_image:
        raise UsageError(f"it is a folder, and {wanted.name} takes {wanted}; give one file")
    found = [each for each in path.rglob("*") if each.suffix.lower() in PICTURE_ENDINGS]
    if not found:
        raise UsageError(f"no picture ({', '.join(PICTURE_ENDINGS)}) lies in it")
    for each in sorted(found)[: limit or None]:
        yield _picture(each, each.relative_to(path).as_posix())


def _picture(path: Path, about: str) -> Question:
    encoded = base64.b64encode(path.read_bytes()).decode()
    return Question("v1", {"instances": [{"b64": encoded}]}, about)


def _json(path: Path, wanted: Wanted, limit: int) -> Iterator[Question]:
    value = _parsed(path)
    if isinstance(value, dict) and "inputs" in value:
        yield Question("v2", _cut(value, limit) if limit else value)
        return
    body = value if isinstance(value, dict) and "instances" in value else None
    instances = body["instances"] if body else value if isinstance(value, list) else [value]
    if not isinstance(instances, list) or not instances:
        raise UsageError("it has no instances: give a list of rows, or a body of V1 or V2")
    size = PICTURE_BATCH if wanted.is_image else BATCH
    for start in range(0, len(instances[: limit or None]), size):
        part = instances[: limit or None][start : start + size]
        if not body and not wanted.is_image:
            part = [_record(row, wanted.columns) for row in part]
        yield Question("v1", {**(body or {}), "instances": part})


def _parsed(path: Path) -> Any:
    """Return the JSON value of a file, or a list of those of its lines."""
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"JSON is UTF-8, and byte {error.start:,} is not; save it so") from error
    try:
        return json.loads(text)
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        values = [_line(line) for line in lines] if len(lines) > 1 else [None]
        if None in values:
            raise UsageError(f"it is not valid JSON ({error}), nor a JSON value a line") from error
        return values


def _line(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _cut(body: dict[str, Any], limit: int) -> dict[str, Any]:
    """Return a V2 body with the first rows of each tensor, whose data is flat or nested."""
    try:
        return {**body, "inputs": [_first(tensor, limit) for tensor in body["inputs"]]}
    except (LookupError, TypeError, AttributeError) as error:
        raise UsageError(
            "its inputs are no tensors with name, shape, datatype and data; see the V2 protocol"
        ) from error


def _first(tensor: Mapping[str, Any], limit: int) -> dict[str, Any]:
    rows, *rest = tensor["shape"]
    data: Sequence[Any] = tensor["data"]
    each = 1 if data and isinstance(data[0], list) else math.prod(rest)
    return {**tensor, "shape": [min(rows, limit), *rest], "data": data[: limit * each]}


def _record(row: object, columns: Mapping[str, str]) -> object:
    """Return a record with the model's columns only, anything else as it is: the model will say."""
    if not isinstance(row, dict):
        return row
    _refuse_missing(row, columns)
    return {column: row[column] for column in columns}


def _instance(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """Return the row with the model's columns only, each cell as the model's type."""
    _refuse_missing(row, columns)
    return {column: _cell(column, row[column], kind) for column, kind in columns.items()}


def _refuse_missing(row: Mapping[str, Any], columns: Mapping[str, str]) -> None:
    missing = [column for column in columns if column not in row]
    if missing:
        raise UsageError(f"it has no column {missing[0]!r}; the model needs {', '.join(columns)}")


def _cell(column: str, cell: object, kind: str) -> object:
    if isinstance(cell, float) and math.isnan(cell):
        return None
    if not isinstance(cell, str) or kind == "BYTES":
        return cell
    text = cell.strip()
    if text.lower() in ("true", "false") or (kind == "BOOL" and text in ("0", "1")):
        return text.lower() in ("true", "1")
    try:
        return float(text if "." in text else text.replace(",", "."))
    except ValueError as error:
        raise UsageError(
            f"column {column!r} holds {cell!r} where the model wants a number"
        ) from error
