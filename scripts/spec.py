"""`kanarya spec`: check a spec before anything runs; print its JSON Schema for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group()
def spec() -> None:
    """Check a spec, or print its JSON Schema."""


@spec.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Say whether a spec would be accepted."""
    from pipelines.spec import load

    loaded = load(file)
    click.echo(f"{file}: {loaded.name} is a valid {loaded.task} spec")


@spec.command()
def schema() -> None:
    """Print the JSON Schema of a spec."""
    from pipelines.spec import schema as of_spec

    click.echo(json.dumps(of_spec(), indent=2))
