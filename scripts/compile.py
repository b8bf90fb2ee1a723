"""`kanarya compile`: the graphs as the YAML that clusters and laptops run."""

from __future__ import annotations

import click


@click.command("compile")
@click.option("--check", is_flag=True, help="Only say whether the compiled YAML is fresh.")
def compile_pipelines(check: bool) -> None:
    """Compile the pipelines to pipelines/compiled."""
    from pipelines import compile as compiled

    if check:
        compiled.check()
        return
    for path in compiled.write():
        click.echo(f"wrote {path}")
