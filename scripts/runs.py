"""`kanarya runs`: what ran here or on a cluster, how it ended, what its steps said, once more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from scripts import runs_cluster
from scripts.cluster_options import on_cluster, opened, refuse_there_only
from scripts.run_again import compose, restart
from scripts.run_cost import cost
from scripts.run_diff import diff
from scripts.run_folders import folder_of, folders
from scripts.run_steps import step_lines, used_by
from scripts.run_watch import watch
from serving.errors import UsageError

GOES_ON = {
    "queued": "it waits in the queue",
    "running": "it runs",
    "waiting": "it waits until an earlier run of its model has ended",
    "killed": "its process was killed; `kanarya runs restart` repeats it",
}


@click.group()
def runs() -> None:
    """List runs, read their logs, compare and repeat them; --on cluster: those of a cluster."""


@runs.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--limit", type=click.IntRange(1), help="So many  [default: all; on a cluster 20]")
@runs_cluster.options
@on_cluster
def list_runs(as_json: bool, limit: int | None, engine: str, **there: Any) -> None:
    """List the runs, the newest first."""
    refuse_there_only(engine, there)
    if engine == "cluster":
        cluster = opened(there["host"], there["namespace"])
        most = limit or runs_cluster.NEWEST
        runs_cluster.tell_list(cluster, there["experiment"] or "", most, as_json=as_json)
        return
    records = [_summary(folder) for folder in folders()[:limit]]
    if as_json:
        click.echo(json.dumps(records, indent=2))
        return
    if not records:
        click.echo("nothing has run yet; `kanarya run --data FILE --target COLUMN` runs something")
    for record in records:
        version = f"version {record['version']}" if record["version"] else ""
        click.echo(f"{record['run_id']:<40} {record['outcome']:<12} {version}")


@runs.command()
@click.argument("run_id", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_cluster
def show(run_id: str, as_json: bool, engine: str, **there: Any) -> None:
    """Show a run: its parameters, its steps, how it ended."""
    refuse_there_only(engine, there)
    if engine == "cluster":
        runs_cluster.tell_run(opened(**there), run_id, as_json=as_json)
        return
    folder = folder_of(run_id)
    record = {
        **_summary(folder),
        "arguments": json.loads((folder / "arguments.json").read_text(encoding="utf-8")),
        "used": used_by(folder),
    }
    if as_json:
        click.echo(json.dumps(record, indent=2))
        return
    click.echo(f"{run_id}: {record['outcome']}: {record['sentence']}")
    if why := record["arguments"].get("why"):
        click.echo(f"  why: {why}")
    click.echo("\n".join(step_lines(record)))
    for key, value in record["arguments"].items():
        click.echo(f"  {key} = {value}")


@runs.command()
@click.argument("run_id", metavar="RUN")
@click.argument("step", required=False)
@on_cluster
def logs(run_id: str, step: str | None, engine: str, **there: Any) -> None:
    """Print the log of a step, or of all steps."""
    refuse_there_only(engine, there)
    if engine == "cluster":
        runs_cluster.tell_logs(opened(**there), run_id, step)
        return
    folder = folder_of(run_id) / "logs"
    known = {path.stem: path for path in sorted(folder.glob("*.log"))}
    if step is not None and step not in known:
        raise UsageError(f"{run_id} has no log of a step {step!r}; it has {', '.join(known)}")
    for name, path in known.items():
        if step in (None, name):
            click.echo(click.style(f"== {name}", bold=True))
            click.echo(path.read_text(encoding="utf-8", errors="replace"), nl=False)


def _summary(folder: Path) -> dict[str, object]:
    from dataclasses import asdict

    from pipelines.journal import Result, RunFolder
    from pipelines.run_row import read

    path = folder / "result.json"
    if path.is_file():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    row = read(RunFolder(folder))
    status = row.status if row else "killed"
    return asdict(
        Result(
            folder.name,
            status,
            GOES_ON.get(status, row.sentence if row else ""),
            steps=RunFolder(folder).steps(),
        )
    )


for command in (restart, compose, diff, cost, watch, runs_cluster.cancel):
    runs.add_command(command)
