"""What a new run begins with: another run's spec, perhaps on the data of a third.

Of a run of this home it is its record, of a cluster's what its pipeline was given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.data.draft import Draft, of_spec
from console.data.run_actions import RunActions
from pipelines import again, origin
from pipelines.asked import Asked
from pipelines.run_row import ELSEWHERE
from pipelines.spec import parse
from pipelines.spec_sent import spec_of
from serving import storage
from serving.errors import NotFound, UsageError

RUN_ID = re.compile(r"[a-z0-9](-?[a-z0-9]){0,99}")


@dataclass(frozen=True)
class Given:
    """What a run was asked for; `data_sha256`: of the data that it read, "" where nobody knows.

    `notes`: in what the same would be another run now.
    """

    name: str
    spec: Mapping[str, Any]
    data_sha256: str = ""
    notes: tuple[str, ...] = ()
    is_far: bool = False


def taken_from(actions: RunActions, config: str, data: str) -> tuple[Draft, list[str]]:
    """Return the draft of a run (`config`), on the data of another one, and what differs by now.

    Either may be empty. Raises NotFound for a run that there is not, UsageError where what it was
    asked for or its data cannot be read here, ClusterError where a cluster does not answer.
    """
    config_of = given(actions, config or data)
    data_of = given(actions, data) if data and data != config_of.name else config_of
    if data_of.is_far:
        _refuse_path(data_of)
    spec = parse(origin.composed(data_of.spec, config_of.spec), config_of.name)
    made_from = {"data": data_of.name, "config": config_of.name}
    return of_spec(Asked(spec, data_of.data_sha256, made_from)), [*config_of.notes]


def given(actions: RunActions, run_id: str) -> Given:
    """Return what a run was asked for, wherever it is; raises as `taken_from` does."""
    row = actions.runs.row(run_id) if RUN_ID.fullmatch(run_id) else None
    if row is not None and row.where == ELSEWHERE:
        raise UsageError(
            f"{run_id} ran on another machine: what it was asked for is not known here"
        )
    if actions.is_far(run_id):
        return _sent(*actions.sent(run_id))
    return _recorded(_folder(actions.settings.home / "runs", run_id))


def _recorded(folder: Path) -> Given:
    before = origin.read(folder)
    read = origin.data_sha256(folder) or before.data_sha256
    return Given(folder.name, before.spec, read, tuple(again.differences(folder.name, before)))


def _sent(name: str, arguments: Mapping[str, Any]) -> Given:
    spec, unknown = spec_of(arguments, name)
    notes = [f"this Kanarya does not know {', '.join(unknown)} of {name}"] if unknown else []
    read = str(arguments.get("data_sha256") or "")
    if not read:
        notes.append(f"nobody checks that the data is still what {name} read")
    return Given(name, spec.model_dump(mode="json", by_alias=True), read, tuple(notes), is_far=True)


def _refuse_path(data_of: Given) -> None:
    uri = str(data_of.spec["data"]["uri"])
    if storage.local_path(uri) is not None:
        raise UsageError(
            f"{data_of.name} read its data from {uri!r}, a path in its pods that nobody can read "
            "here: compose its configuration with the data of another run"
        )


def _folder(runs: Path, run_id: str) -> Path:
    folder = runs / run_id
    if not RUN_ID.fullmatch(run_id) or not (folder / "arguments.json").is_file():
        raise NotFound(f"there is no run {run_id!r}; the page of all runs shows those there are")
    return folder
