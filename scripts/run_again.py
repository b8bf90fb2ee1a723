"""`kanarya runs restart | compose`: once more, or the data of one with the config of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from scripts.queued import enqueue, queued
from scripts.run import start
from scripts.run_folders import folder_of

if TYPE_CHECKING:
    from pipelines.asked import Asked

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
    from pipelines import again

    return _begin(*again.restart(folder_of(run_id), accept_new_data=accept_new_data), **how)


@click.command()
@click.option("--data-of", metavar="RUN", required=True, help="The run whose data is taken.")
@click.option("--config-of", metavar="RUN", required=True, help="The run that says all else.")
@accept_new_data
@queued
@as_json
def compose(data_of: str, config_of: str, accept_new_data: bool, **how: Any) -> int:
    """Run the spec of one run on the data of another."""
    from pipelines import again

    folders = folder_of(data_of), folder_of(config_of)
    return _begin(*again.compose(*folders, accept_new_data=accept_new_data), **how)


def _begin(asked: Asked, notes: list[str], *, queue: bool, priority: int, as_json: bool) -> int:
    for note in notes:
        click.echo(f"note: {note}", err=True)
    return enqueue(asked, priority, as_json=as_json) if queue else start(asked, as_json=as_json)
