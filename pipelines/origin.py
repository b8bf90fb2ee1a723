"""What a run came from: its spec, its data, the code and the environment; recorded as it starts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from components.provenance import Code, Environment
from serving.errors import UsageError

ORIGIN = "origin.json"


@dataclass(frozen=True)
class Origin:
    """Everything that decides what a run makes.

    `spec` is whole, with the defaults of its day. `data_sha256` is what the data had to be, empty
    where anything would do; what it was stands in the record of the ingest step. `made_from` names
    the runs that this one repeats: {"restart": id}, {"retrain": id} or {"data": id, "config": id}.
    `why`: what started it, where nobody asked for it.
    """

    spec: Mapping[str, Any]
    code: Code
    environment: Environment
    data_sha256: str = ""
    made_from: Mapping[str, str] = field(default_factory=dict)
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object (a dict), as `origin.json` holds it."""
        record = asdict(self)
        record["environment"]["sha256"] = self.environment.sha256
        return record


def read(folder: Path) -> Origin:
    """Return the origin of the run in `folder`.

    Raises UsageError for a run that recorded none, and for a damaged record.
    """
    path = folder / ORIGIN
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        record["environment"].pop("sha256")
        parts = {
            "code": Code(**record["code"]),
            "environment": Environment(**record["environment"]),
        }
        return Origin(**{**record, **parts})
    except FileNotFoundError as error:
        raise UsageError(
            f"{folder.name} did not record what it came from; start it again with `kanarya run`"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} cannot be read ({error}); start the run again with `kanarya run`"
        ) from error


def data_sha256(folder: Path) -> str:
    """Return the sha256 of the data that a run read; "" where it did not come so far."""
    found = sorted(folder.glob("artifacts/*/ingest*/executor_output.json"))
    for artifact in _artifacts(found[-1]) if found else []:
        if sha256 := artifact.get("metadata", {}).get("sha256"):
            return str(sha256)
    return ""


def composed(data: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spec `config` with the data of the spec `data`.

    Raises UsageError where one is of tables and the other of pictures.
    """
    images = [spec["task"] == "image" for spec in (data, config)]
    if images[0] != images[1]:
        raise UsageError(
            f"the data is of task {data['task']!r} and the config of {config['task']!r}: "
            "name two runs on tables, or two on pictures"
        )
    return {**config, "data": data["data"]}


def _artifacts(path: Path) -> list[dict[str, Any]]:
    record = json.loads(path.read_text(encoding="utf-8"))
    return [each for one in record.get("artifacts", {}).values() for each in one["artifacts"]]
