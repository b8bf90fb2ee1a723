"""`kanarya backup` and `kanarya restore`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from serving.settings import Settings

if TYPE_CHECKING:
    from pipelines.backup.folder import BackupFolder
    from pipelines.backup.make import Made

_FOLDER = click.Path(path_type=Path, file_okay=False, resolve_path=True)


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option("--verify", is_flag=True, help="Make none: read every backup in FOLDER whole.")
@click.option("--keep", type=click.IntRange(1), help="Remove all but the newest N afterwards.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backup(folder: Path, verify: bool, keep: int | None, as_json: bool) -> None:
    """Back everything up to FOLDER, while it runs; the next backup there adds what is new.

    Runs, models, ledger, MLflow, services, queue and uploads, each content once, compressed, its
    sha256 read back before the backup counts. `kanarya restore FOLDER` makes a home of it.
    """
    from pipelines.backup.folder import BackupFolder
    from pipelines.backup.make import make

    with suppress(OSError):
        os.nice(14)  # whoever is served comes first
    place, began = BackupFolder(folder), time.monotonic()
    if verify:
        _verify(place, as_json)
        return
    made = make(Settings.from_env(), place, keep)
    seconds = round(time.monotonic() - began, 2)
    if as_json:
        click.echo(json.dumps(_record(made, seconds), indent=2))
        return
    _tell(made, seconds)


def _record(made: Made, seconds: float) -> dict[str, Any]:
    return {
        "backup": made.manifest.moment,
        "files": len(made.manifest.items),
        "bytes": made.manifest.size,
        "new_contents": made.new,
        "new_bytes": made.new_bytes,
        "removed": [name.split("Z")[0] + "Z" for name in made.removed],
        "not_in_it": list(made.manifest.notes),
        "seconds": seconds,
    }


def _tell(made: Made, seconds: float) -> None:
    click.echo(
        f"backup {made.manifest.moment}: {_counted(len(made.manifest.items), 'file')}, "
        f"{made.manifest.size / 1e6:,.1f} MB; {_counted(made.new, 'content')} new, "
        f"{made.new_bytes / 1e6:,.1f} MB compressed and read back  ({seconds} s)"
    )
    for note in made.manifest.notes:
        click.echo(f"not in it: {note}")
    if made.removed:
        click.echo(f"removed {len(made.removed)} older")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _verify(place: BackupFolder, as_json: bool) -> None:
    from pipelines.backup.make import verify

    place.require()
    manifests = [place.read(name) for name in place.names()]
    size = verify(place, manifests)
    if as_json:
        moments = [manifest.moment for manifest in manifests]
        click.echo(json.dumps({"backups": moments, "bytes": size}, indent=2))
        return
    click.echo(verified(len(manifests), size))


def verified(count: int, size: int) -> str:
    """Return what was found of so many backups, of which so many bytes were read."""
    said = "1 backup is" if count == 1 else f"{count} backups are"
    return f"{said} whole: {size / 1e6:,.1f} MB were read"


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option("--home", type=_FOLDER, help="Where to  [default: KANARYA_HOME, or .kanarya]")
@click.option("--at", "moment", help="Which backup: how its moment begins  [default: the newest]")
@click.option("--force", is_flag=True, help="Put aside what is there already.")
def restore(folder: Path, home: Path | None, moment: str | None, force: bool) -> None:
    """Make a home of a backup in FOLDER: all of it, or nothing.

    It may be another folder, on another machine: what names the old places is made to name the new
    ones. `kanarya up` then starts what was live, on any ports, and writes the kubeconfig.
    """
    from pipelines.backup.folder import BackupFolder
    from pipelines.backup.gather import POSTGRES_DUMP
    from pipelines.backup.restore import restore as make

    target = home or Settings.from_env().home
    done = make(BackupFolder(folder), target, moment=moment, force=force)
    click.echo(
        f"restored {done.manifest.moment} to {done.home}: "
        f"{_counted(len(done.manifest.items), 'file')}, {done.manifest.size / 1e6:,.1f} MB; "
        f"{_counted(done.ledgers, 'ledger')} verified"
    )
    for note in done.manifest.notes:
        click.echo(f"not in it: {note}")
    if any(item.path == POSTGRES_DUMP for item in done.manifest.items):
        _tell_dump(done.home, done.home / POSTGRES_DUMP, done.manifest.places)
    if done.aside:
        click.echo(f"what was there before is in {done.aside}")
    click.echo(f"start it: KANARYA_HOME={quote(str(done.home))} kanarya up")


def _tell_dump(home: Path, dump: Path, places: Mapping[str, str]) -> None:
    named = quote(str(dump))
    click.echo(f"MLflow's database is to be read in: pg_restore --clean --if-exists -d … {named}")
    before = next((place for place, below in places.items() if not below), str(home))
    if before != str(home):  # the rows of a dump are not rewritten
        click.echo(
            f"it names its artifacts by their old place: ln -s {quote(str(home))} {quote(before)}"
        )
