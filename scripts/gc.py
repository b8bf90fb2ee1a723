"""`kanarya gc`: let go of old versions, runs and their files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from serving.settings import Settings

if TYPE_CHECKING:
    from pipelines.cleaning.rules import Judged


@click.command()
@click.option("--versions", default=5, show_default=True, help="Versions of each model that stay.")
@click.option("--runs", default=20, show_default=True, help="Runs of each model that stay.")
@click.option("--ledger", default=20, show_default=True, help="Records whose versions stay.")
@click.option("--days", default=30.0, show_default=True, help="Younger ones stay.")
@click.option("--apply", is_flag=True, help="Do it; without, only say what would go.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def gc(apply: bool, as_json: bool, **least: Any) -> None:
    """Say which old versions and runs may go, and with --apply let them go.

    What an alias, a service or the ledger's last records name stays, and so do the runs that it
    came from. Versions go for good; runs go to the trash, and from there after so many days.
    """
    from pipelines.cleaning import sweep
    from pipelines.cleaning.rules import Policy

    settings, policy = Settings.from_env(), Policy(**least)
    sweep.require(policy)
    found = sweep.look(settings, policy)
    lines = [_line(settings, each) for each in (*found.versions, *found.runs)]
    if apply:
        sweep.go(settings, found, policy)
    if as_json:
        click.echo(json.dumps({"applied": apply, "found": lines}, indent=2))
        return
    said = "gone" if apply else "would go"
    going = [line for line in lines if not line["stays"]]
    for line in going:
        click.echo(f"{said}: {line['what']}  {line['bytes'] / 1e6:.1f} MB")
    total = sum(line["bytes"] for line in going) / 1e6
    rest = "the others are needed or recent" if lines else "there is nothing here yet"
    click.echo(f"{len(going)} of {len(lines)} versions and runs, {total:.1f} MB; {rest}")
    if going and not apply:
        click.echo("nothing was changed: --apply does it")


def _line(settings: Settings, judged: Judged) -> dict[str, Any]:
    from pipelines.cleaning import sweep
    from pipelines.run_row import Row

    what = f"run {judged.what.run_id}" if isinstance(judged.what, Row) else str(judged.what)
    return {"what": what, "stays": judged.stays, "bytes": sweep.size(settings, judged)}
