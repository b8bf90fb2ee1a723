"""Versions and aliases: which model passed the gate, which one serves, which one did before.

The commit point of a registration is one insert into the registry: the bytes are published first,
under a lock per model name, so that a kill at any moment leaves the registry as it was or complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.telling import note
from components.tracking_store import connect
from serving import audit

STAGING, CHAMPION, PREVIOUS = "staging", "champion", "previous"
STORE_URI = "kanarya.store_uri"
ROLLOUT = "kanarya.rollout"
USED_UP = "kanarya:used-up"
"""The source of a version that is made and deleted only so that nothing else gets its number."""
PAGE = 1000
"""Entries that MLflow is asked for at a time: as many as it gives."""
Aliases = Mapping[tuple[str, str], tuple[str, ...]]


@dataclass(frozen=True)
class Champion:
    """The version that serves, and where its model directory is."""

    version: str
    uri: str


@dataclass(frozen=True)
class Version:
    """What is to be registered: the published bytes and the facts about them."""

    name: str
    run_id: str
    store_uri: str
    tags: Mapping[str, str]
    description: str


def champion(name: str) -> Champion | None:
    """Return the version behind the alias `champion`, or None where nothing serves yet."""
    version = _alias(connect(), name, CHAMPION)
    return Champion(version, store_uri(name, version)) if version else None


def store_uri(name: str, version: str) -> str:
    """Return where the model directory of a version is."""
    return str(connect().get_model_version(name, version).tags[STORE_URI])


def tags(name: str, version: str) -> dict[str, str]:
    """Return the tags of a version."""
    return dict(connect().get_model_version(name, version).tags)


def tags_if_any(name: str, version: str) -> dict[str, str]:
    """Return the tags of a version; none where the registry does not have it."""
    from mlflow.exceptions import MlflowException

    try:
        return tags(name, version)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return {}
        raise


def next_version(name: str) -> int:
    """Return the number that the next registration of this name will get."""
    found = connect().search_model_versions(f"name = '{name}'")
    return max((int(v.version) for v in found), default=0) + 1


def number_after(name: str, last: int) -> int:
    """Return the number that the next registration will get, which is above `last`.

    `last` was given once already. An MLflow that was restored from an older backup would give it
    again, to other bytes than those that are served under it; a version that is deleted keeps its
    number.
    """
    tracker, given = connect(), next_version(name) - 1
    while given < last:
        _ensure_name(tracker, name)
        made = tracker.create_model_version(name, source=USED_UP)
        tracker.delete_model_version(name, made.version)
        given = int(made.version)
    return given + 1


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Let one registration of a model name at a time run on this machine."""
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released by the kernel when the process dies
        yield


def register(version: Version, native: Path) -> str:
    """Register published bytes; return the version number that MLflow gave."""
    audit.note("registry.register", version.name, uri=version.store_uri, run=version.run_id)
    tracker = connect()
    model_id = _logged_model(tracker, version, native)
    _ensure_name(tracker, version.name)
    created = tracker.create_model_version(
        version.name,
        source=f"models:/{model_id}",
        run_id=version.run_id,
        tags={**version.tags, STORE_URI: version.store_uri},
        description=version.description,
        model_id=model_id,
    )
    return str(created.version)


def stage(name: str, version: str) -> None:
    """Point the alias `staging` at a version that passed the gate."""
    _move(connect(), name, STAGING, version)


def set_tags(name: str, version: str, values: Mapping[str, str]) -> None:
    """Set tags on a version."""
    tracker = connect()
    for key, value in values.items():
        tracker.set_model_version_tag(name, version, key, value)


def promoted(name: str, version: str, reason: str) -> None:
    """Record that a version serves 100 %: `champion` moves to it, `previous` to the one before.

    Doing it twice changes nothing, so that a rollout may repeat it after a crash. Of a version that
    the registry lacks nothing is recorded.
    """
    tracker = connect()
    if _lacks(name, version):
        return
    before = _alias(tracker, name, CHAMPION)
    if before and before != version:
        _move(tracker, name, PREVIOUS, before)
    if before != version:
        _move(tracker, name, CHAMPION, version)
    if _alias(tracker, name, STAGING) == version:
        tracker.delete_registered_model_alias(name, STAGING)
    set_tags(name, version, {ROLLOUT: "promoted", f"{ROLLOUT}.reason": reason})


def rolled_back(name: str, version: str, reason: str) -> None:
    """Record that a version was taken out of the traffic.

    Where it was the champion already (its promotion is undone) the one before serves again. Of a
    version that the registry lacks nothing is recorded.
    """
    tracker = connect()
    if _lacks(name, version):
        return
    before = _alias(tracker, name, PREVIOUS)
    if before and _alias(tracker, name, CHAMPION) == version:
        _move(tracker, name, CHAMPION, before)
    if _alias(tracker, name, STAGING) == version:
        tracker.delete_registered_model_alias(name, STAGING)
    set_tags(name, version, {ROLLOUT: "rolled_back", f"{ROLLOUT}.reason": reason})


class RegistryRecorder:
    """Moves the aliases of the registry when a rollout ends; repeating it changes nothing."""

    def promoted(self, name: str, version: str, evidence: tuple[str, ...]) -> None:
        """Write down that `version` has all of the traffic."""
        promoted(name, version, " ".join(evidence))

    def rolled_back(self, name: str, version: str, reason: str) -> None:
        """Write down that `version` was taken out of the traffic."""
        rolled_back(name, version, reason)


def _lacks(name: str, version: str) -> bool:
    """Say whether a version that was rolled out is not registered (any more), and tell of it."""
    if tags_if_any(name, version):
        return False
    note(
        f"MLflow has no version {version} of {name}, so its aliases stay as they are: a backup "
        "that is older was restored, or it was deleted; what is live does not depend on it"
    )
    return True


def _alias(tracker: Any, name: str, alias: str) -> str | None:
    from mlflow.exceptions import MlflowException

    try:
        # `search_model_versions` returns no aliases; the registered model does.
        found = tracker.get_registered_model(name).aliases.get(alias)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
    return str(found) if found else None


def _move(tracker: Any, name: str, alias: str, version: str) -> None:
    audit.note(f"registry.{alias}", name, version=version)
    tracker.set_registered_model_alias(name, alias, version)


def _ensure_name(tracker: Any, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        tracker.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _logged_model(tracker: Any, version: Version, native: Path) -> str:
    from mlflow.entities import LoggedModelOutput

    experiment = tracker.get_run(version.run_id).info.experiment_id
    model = tracker.create_logged_model(
        experiment, name=version.name, source_run_id=version.run_id, model_type="kanarya"
    )
    tracker.log_model_artifacts(model.model_id, str(native))
    tracker.finalize_logged_model(model.model_id, "READY")
    tracker.log_outputs(version.run_id, [LoggedModelOutput(model.model_id, step=0)])
    return str(model.model_id)


@dataclass(frozen=True)
class Entry:
    """One line of a listing of versions."""

    name: str
    version: str
    aliases: tuple[str, ...]
    tags: dict[str, str]
    description: str
    created: datetime


def listing(name: str | None = None) -> list[Entry]:
    """Return the versions of one model, or of all, the newest first."""
    query = f"name = '{name}'" if name else None
    versions, known = connect().search_model_versions(query), aliases()
    entries = [_entry(found, known) for found in versions]
    return sorted(entries, key=lambda entry: (entry.created, int(entry.version)), reverse=True)


def aliases() -> Aliases:
    """Return the aliases of every version that has some, sorted, by name and number."""
    tracker = connect()
    found: dict[tuple[str, str], list[str]] = {}
    for model in paged(tracker.search_registered_models):
        for alias, version in model.aliases.items():
            found.setdefault((model.name, str(version)), []).append(alias)
    return {key: tuple(sorted(names)) for key, names in found.items()}


def paged(search: Callable[..., Any]) -> Iterator[Any]:
    """Yield everything that a search of MLflow's finds, which gives a page at a time."""
    token = None
    while True:
        page = search(max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _entry(found: Any, aliases: Aliases) -> Entry:
    return Entry(
        name=found.name,
        version=str(found.version),
        aliases=aliases.get((found.name, str(found.version)), ()),
        tags=dict(found.tags),
        description=found.description or "",
        created=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
    )
