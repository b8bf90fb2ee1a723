"""Taking versions and runs out of the registry and MLflow, with their bytes; entries go first.

What is killed in between leaves bytes that nothing names, never a name without bytes.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components import registry
from components.registry import STORE_URI, Aliases
from components.tracking import RUN_KEY
from components.tracking_store import connect
from serving import audit
from serving.settings import Settings
from serving.storage import local_path

_LOGGED = "models:/"
"""How a version's source names the logged model that it was registered from."""


@dataclass(frozen=True)
class Registered:
    """A registered version. `created`: seconds since 1970; `run`: the id of the pipeline's run."""

    name: str
    version: str
    created: float
    uri: str
    aliases: tuple[str, ...] = ()
    run: str = ""
    model_id: str = field(default="", compare=False)

    def __str__(self) -> str:
        """Name it for people."""
        return f"{self.name} version {self.version}"


def registered() -> list[Registered]:
    """Return every version with its aliases and its run."""
    tracker, aliases = connect(), registry.aliases()
    return [
        _registered(tracker, each, aliases)
        for each in registry.paged(tracker.search_model_versions)
    ]


def _registered(tracker: Any, found: Any, aliases: Aliases) -> Registered:
    tags = tracker.get_run(found.run_id).data.tags if found.run_id else {}
    return Registered(
        found.name,
        str(found.version),
        found.creation_timestamp / 1000,
        found.tags.get(STORE_URI, ""),
        aliases.get((found.name, str(found.version)), ()),
        tags.get(RUN_KEY, ""),
        found.source.removeprefix(_LOGGED) if found.source.startswith(_LOGGED) else "",
    )


def remove_version(settings: Settings, version: Registered) -> None:
    """Take a version out of the registry; its model directory goes where it is on this machine."""
    tracker = connect(settings)
    told = {"version": version.version, "uri": version.uri}
    audit.note("registry.remove", version.name, settings, **told)
    tracker.delete_model_version(version.name, version.version)
    if version.model_id:
        where = tracker.get_logged_model(version.model_id).artifact_location
        tracker.delete_logged_model(version.model_id)
        _remove(settings, where)
    store = local_path(settings.model_store)
    path = local_path(version.uri) if version.uri else None
    if path and store and path.parent == store / version.name and path.exists():
        gone = path.with_name(f".{path.name}.gone")
        path.rename(gone)
        shutil.rmtree(gone)


def remove_run(settings: Settings, run_key: str) -> None:
    """Mark the MLflow runs of a pipeline's run as deleted, and remove their files."""
    tracker = connect(settings)
    audit.note("run.remove", run_key, settings)
    experiments = [each.experiment_id for each in registry.paged(tracker.search_experiments)]
    wanted = f"tags.`{RUN_KEY}` = '{run_key}'"
    for run in tracker.search_runs(experiments, wanted) if experiments else []:
        tracker.delete_run(run.info.run_id)
        _remove(settings, run.info.artifact_uri)


def _remove(settings: Settings, uri: str) -> None:
    """Remove files of MLflow that lie in the home; those of a server are its own."""
    path = local_path(uri)
    if path and Path(path).is_relative_to(settings.home / "artifacts"):
        shutil.rmtree(path, ignore_errors=True)
