"""`kanarya runs … --on cluster`: the same commands about the runs of Kubeflow Pipelines."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from scripts.cluster_options import host, namespace, opened, there
from serving.errors import UsageError

if TYPE_CHECKING:
    from pipelines.cluster import Cluster
    from pipelines.cluster_steps import ClusterRun
    from pipelines.journal import Step

NEWEST = 20
"""Runs that are listed unless more are asked for."""


def tell_list(cluster: Cluster, experiment: str, limit: int, *, as_json: bool) -> None:
    """Print the newest runs."""
    from pipelines import cluster_runs

    runs = cluster_runs.newest(cluster, experiment, limit)
    if as_json:
        click.echo(json.dumps([summary(cluster, run) for run in runs], indent=2))
        return
    if not runs:
        which = f" under {experiment!r}" if experiment else ""
        click.echo(
            f"nothing has run there yet{which}{cluster_runs.within(cluster)}; "
            "`kanarya run SPEC --on cluster` runs something"
        )
    for run in runs:
        click.echo(f"{run.name:<40} {_word(run):<10} {_moment(run.created)}  {run.run_id}")


def tell_run(cluster: Cluster, name: str, *, as_json: bool) -> None:
    """Print one run: its steps, its parameters, where its page is."""
    from pipelines import cluster_runs
    from pipelines.cluster_steps import steps

    run = cluster_runs.find(cluster, name)
    known = steps(run, cluster_runs.known_tasks(cluster, run))
    record = summary(cluster, run)
    if as_json:
        told = {"steps": [_step(step) for step in known], "arguments": dict(run.arguments)}
        click.echo(json.dumps({**record, **told}, indent=2))
        return
    click.echo(f"{run.name}: {_word(run)}{f': {run.error}' if run.error else ''}")
    click.echo(f"  {record['page']}")
    for step in known:
        click.echo(f"  {step.name:<15} {step.status:<10} {step.seconds:6.1f} s")
    for key, value in run.arguments.items():
        click.echo(f"  {key} = {value}")


def tell_logs(cluster: Cluster, name: str, step: str | None) -> None:
    """Print what a step wrote, or all of them; one without a log is told and passed over."""
    from pipelines import cluster_runs
    from pipelines.cluster_logs import log
    from pipelines.cluster_steps import steps
    from pipelines.errors import ClusterError, Unreachable

    run = cluster_runs.find(cluster, name)
    known = cluster_runs.known_tasks(cluster, run)
    begun = [each.name for each in steps(run, known)]
    if step is not None and step not in begun:
        raise UsageError(f"{run.name} has no log of a step {step!r}; it has {', '.join(begun)}")
    for each in [step] if step else begun:
        click.echo(click.style(f"== {each}", bold=True))
        try:
            click.echo(log(cluster, run, each, known), nl=False)
        except Unreachable:
            raise
        except ClusterError as error:
            if step:
                raise
            click.echo(str(error), err=True)


def summary(cluster: Cluster, run: ClusterRun) -> dict[str, Any]:
    """Return a run as JSON."""
    return {
        "run_id": run.run_id,
        "name": run.name,
        "outcome": _word(run),
        "created": _moment(run.created),
        "seconds": max(0.0, run.finished - run.created) if run.finished else None,
        "page": cluster.place.page("runs", run.run_id),
    }


@click.command()
@click.argument("run", metavar="RUN")
@there
@host
@namespace
def cancel(run: str, host: str | None, namespace: str | None) -> None:
    """Cancel a run on a cluster; `kanarya queue cancel` is for those of this machine."""
    from pipelines import cluster_runs
    from pipelines.cluster_steps import FINAL
    from serving import audit

    cluster = opened(host, namespace)
    found = cluster_runs.find(cluster, run)
    if found.state in FINAL:
        raise UsageError(f"{found.name} has ended already: {_word(found)}")
    audit.note("run.cancel", found.name, id=found.run_id, where=cluster.place.shown)
    cluster_runs.cancel(cluster, found.run_id)
    click.echo(f"{found.name} is being cancelled; its exit handler closes its MLflow run")


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a listing the option of clusters alone."""
    return click.option("--experiment", metavar="NAME", help="Only its runs (on a cluster).")(
        command
    )


def _word(run: ClusterRun) -> str:
    """Return a run's state; whether the gate let it pass only `runs watch` finds out."""
    return "canceled" if run.cancelled and run.state == "FAILED" else run.state.lower()


def _step(step: Step) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(step)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(sep=" ", timespec="seconds")
