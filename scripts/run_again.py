"""`kanarya runs restart | compose`: a run once more, or the data of one with the config of another.

Its spec is taken as it was recorded, and its data must have the same sha256. Code and libraries are
those of now: where they differ from the run's, that is said, for the result may differ too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.asked import Asked
from scripts.queued import enqueue, queued
from scripts.run import start
from scripts.run_folders import folder_of
from serving.errors import UsageError

if TYPE_CHECKING:
    from pipelines.origin import Origin

accept_new_data = click.option(
    "--accept-new-data", is_flag=True, help="Go on where the data has changed since."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.command()
@click.argument("run_id", metavar="RUN")
@accept_new_data
@queued
@as_json
def restart(run_id: str, accept_new_data: bool, **how: Any) -> int:
    """Repeat a run: its spec, on its data."""
    from pipelines import origin

    folder = folder_of(run_id)
    before = origin.read(folder)
    _tell_what_changed(run_id, before)
    wanted = _wanted(folder, accept_new_data)
    return _begin(_asked(before.spec, wanted, {"restart": run_id}), **how)


@click.command()
@click.option("--data-of", metavar="RUN", required=True, help="The run whose data is taken.")
@click.option("--config-of", metavar="RUN", required=True, help="The run that says all else.")
@accept_new_data
@queued
@as_json
def compose(data_of: str, config_of: str, accept_new_data: bool, **how: Any) -> int:
    """Run the spec of one run on the data of another."""
    from pipelines import origin

    folder = folder_of(data_of)
    config = origin.read(folder_of(config_of))
    spec = origin.composed(origin.read(folder).spec, config.spec)
    _tell_what_changed(config_of, config)
    wanted = _wanted(folder, accept_new_data)
    return _begin(_asked(spec, wanted, {"data": data_of, "config": config_of}), **how)


def _begin(asked: Asked, queue: bool, priority: int, as_json: bool) -> int:
    return enqueue(asked, priority, as_json=as_json) if queue else start(asked, as_json=as_json)


def _asked(spec: Any, data_sha256: str, made_from: dict[str, str]) -> Asked:
    from pipelines.spec import parse

    return Asked(parse(dict(spec), " and ".join(made_from.values())), data_sha256, made_from)


def _wanted(folder: Path, accept_new_data: bool) -> str:
    """Return the sha256 that the data must have: what the run read, or what it had to read."""
    from pipelines import origin

    if accept_new_data:
        return ""
    known = origin.data_sha256(folder) or origin.read(folder).data_sha256
    if not known:
        raise UsageError(
            f"{folder.name} ended before it had read its data, so nobody knows whether it is the "
            "same: add --accept-new-data to go on with what is there now"
        )
    return known


def _tell_what_changed(run_id: str, before: Origin) -> None:
    """Say on stderr in what the code and the libraries are not those of the run."""
    from components import provenance

    code, around = provenance.code(), provenance.environment()
    if code.sha256 != before.code.sha256:
        click.echo(f"note: the code is not that of {run_id}{_commits(before, code)}", err=True)
    if around.sha256 != before.environment.sha256:
        changed = set(around.libraries.items()) ^ set(before.environment.libraries.items())
        names = sorted({name for name, _ in changed}) or ["Python or the system"]
        click.echo(f"note: not the versions of {run_id}: {', '.join(names)}", err=True)


def _commits(before: Origin, code: Any) -> str:
    then = before.code.commit
    return f" (commit {then[:12]} then, {code.commit[:12]} now)" if then != code.commit else ""
