"""A run once more, or the data of one with the config of another: what is to be run for that.

The spec is taken as it was recorded, and its data must have the same sha256. Code and libraries are
those of now: where they differ from the run's, that is said, for the result may differ too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from components import provenance
from pipelines import asked as asking
from pipelines import origin
from pipelines.asked import Asked
from pipelines.journal import RunFolder
from pipelines.origin import Origin
from serving.errors import UsageError


def restart(folder: Path, *, accept_new_data: bool = False) -> tuple[Asked, list[str]]:
    """Return what repeats the run in `folder`, and in what now differs from then, as sentences.

    Raises UsageError for a run that did not record what it came from, or which data it read.
    """
    if not (folder / origin.ORIGIN).exists() and (folder / asking.FILE).exists():
        # It was queued and ended before it began: what was asked for is all that there is of it.
        return replace(asking.read(RunFolder(folder)), made_from={"restart": folder.name}), []
    before = origin.read(folder)
    asked = _asked(before.spec, _wanted(folder, accept_new_data), {"restart": folder.name})
    return asked, differences(folder.name, before)


def compose(
    data_of: Path, config_of: Path, *, accept_new_data: bool = False
) -> tuple[Asked, list[str]]:
    """Return what runs the spec of one run on the data of another, and in what now differs.

    Raises UsageError as `restart` does, and where one is of tables and the other of pictures.
    """
    config = origin.read(config_of)
    spec = origin.composed(origin.read(data_of).spec, config.spec)
    made_from = {"data": data_of.name, "config": config_of.name}
    asked = _asked(spec, _wanted(data_of, accept_new_data), made_from)
    return asked, differences(config_of.name, config)


def differences(run_id: str, before: Origin) -> list[str]:
    """Return in what the code and the libraries are not those of the run."""
    code, around = provenance.code(), provenance.environment()
    found = []
    if code.sha256 != before.code.sha256:
        found.append(f"the code is not that of {run_id}{_commits(before, code)}")
    if around.sha256 != before.environment.sha256:
        changed = set(around.libraries.items()) ^ set(before.environment.libraries.items())
        names = sorted({name for name, _ in changed}) or ["Python or the system"]
        found.append(f"not the versions of {run_id}: {', '.join(names)}")
    return found


def _asked(spec: Mapping[str, Any], data_sha256: str, made_from: dict[str, str]) -> Asked:
    from pipelines.spec import parse

    return Asked(parse(dict(spec), " and ".join(made_from.values())), data_sha256, made_from)


def _wanted(folder: Path, accept_new_data: bool) -> str:
    """Return the sha256 that the data must have: what the run read, or what it had to read."""
    if accept_new_data:
        return ""
    known = origin.data_sha256(folder) or origin.read(folder).data_sha256
    if not known:
        raise UsageError(
            f"{folder.name} ended before it had read its data, so nobody knows whether it is the "
            "same: add --accept-new-data to go on with what is there now"
        )
    return known


def _commits(before: Origin, code: provenance.Code) -> str:
    then = before.code.commit
    return f" (commit {then[:12]} then, {code.commit[:12]} now)" if then != code.commit else ""
