"""`kanarya runs cost`: what a run would cost on a machine that is paid by the hour."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from scripts.cluster_options import on_cluster, opened, refuse_there_only
from scripts.run_folders import folder_of
from serving.errors import UsageError

if TYPE_CHECKING:
    from pipelines.costs import Estimate


def _price(context: click.Context, option: click.Parameter, value: float) -> float:
    if not 0 <= value < math.inf:  # neither is one that is no number
        raise UsageError(f"--price-hour {value:g}: give what an hour costs, 0 or more")
    return value


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option(
    "--price-hour",
    type=float,
    callback=_price,
    required=True,
    help="The price of an hour of the machine; on a cluster of the pod of a step.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_cluster
def cost(run_id: str, price_hour: float, as_json: bool, engine: str, **there: Any) -> None:
    """Estimate what a run cost: the seconds of its steps times a price for an hour.

    A run of this machine is charged from its beginning to its end, one on a cluster for its pods.
    """
    refuse_there_only(engine, there)
    if engine == "cluster":
        found = _on_cluster(run_id, price_hour, there)
    else:
        found = _here(run_id, price_hour)
    if as_json:
        told = {"run_id": run_id, "price_hour": price_hour, "seconds": found.seconds}
        click.echo(json.dumps({**told, "cost": found.cost, **asdict(found)}, indent=2))
        return
    for part in found.parts:
        click.echo(f"  {part.name:<15} {part.seconds:9.1f} s {part.cost:12.4f}")
    click.echo(f"  {'in all':<15} {found.seconds:9.1f} s {found.cost:12.4f}")


def _here(run_id: str, price_hour: float) -> Estimate:
    from pipelines.costs import estimate
    from pipelines.journal import RunFolder
    from pipelines.run_row import read

    folder = RunFolder(folder_of(run_id))
    row, steps = read(folder), folder.steps()
    # The last sign of life of a run that was killed is when its last step began.
    now = time.time() if row and not row.ended and row.status != "killed" else _last(steps)
    whole = row.seconds if row and row.seconds is not None else None
    return estimate(steps, price_hour, now, whole)


def _last(steps: Any) -> float:
    return max((step.ended or step.started for step in steps), default=0.0)


def _on_cluster(run_id: str, price_hour: float, there: dict[str, Any]) -> Estimate:
    from pipelines import cluster_runs
    from pipelines.cluster_steps import steps
    from pipelines.costs import estimate

    cluster = opened(**there)
    run = cluster_runs.find(cluster, run_id)
    known = steps(run, cluster_runs.known_tasks(cluster, run))
    return estimate(known, price_hour, run.finished or time.time())
