"""`kanarya models`: the registered versions and where they stand."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from components.registry import Entry


@click.group()
def models() -> None:
    """List the registered versions and where they stand."""


@models.command("list")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_models(name: str | None, as_json: bool) -> None:
    """List the versions of one model, or of all, the newest first."""
    from components import registry

    found = registry.listing(name)
    if as_json:
        click.echo(json.dumps([asdict(entry) for entry in found], indent=2, default=str))
        return
    if not found:
        click.echo(
            f"no version {f'of {name} ' if name else ''}is registered yet; `kanarya run` does it"
        )
    for entry in found:
        click.echo(line(entry))


def line(entry: Entry) -> str:
    """Return what a list says of a version; when it was made in local time, with its offset."""
    from components import registry
    from scripts.history import shown

    standing = ", ".join(entry.aliases) or entry.tags.get(registry.ROLLOUT, "")
    return f"{entry.name:<24} {entry.version:>4}  {standing:<24} {shown(entry.created)}"


@models.command()
@click.argument("name")
@click.argument("version")
def show(name: str, version: str) -> None:
    """Show a version: its description, its tags, where its bytes are."""
    from components import registry
    from serving.errors import UsageError

    found = [entry for entry in registry.listing(name) if entry.version == version]
    if not found:
        raise UsageError(f"{name} has no version {version!r}; see `kanarya models list {name}`")
    click.echo(found[0].description)
    for key, value in sorted(found[0].tags.items()):
        click.echo(f"  {key} = {value}")
