"""The options of commands that speak to a cluster, and what they open."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from serving.errors import UsageError

if TYPE_CHECKING:
    from pipelines.cluster import Cluster

host = click.option(
    "--host", metavar="URL", help="Address of Kubeflow Pipelines  [default: KFP_HOST]"
)
namespace = click.option(
    "--namespace", metavar="NAME", help="Your namespace there  [default: KFP_NAMESPACE]"
)
on = click.option(
    "--on",
    "engine",
    type=click.Choice(["local", "cluster"]),
    default="local",
    help="Where  [default: local]",
)
there = click.option(
    "--on",
    type=click.Choice(["cluster"]),
    default="cluster",
    expose_value=False,
    help="A run here ends with Ctrl-C, or with `kanarya queue cancel`.",
)
filed = (
    click.option("--experiment", metavar="NAME", help="Where it is filed  [default: the model]"),
    click.option("--run-name", metavar="NAME", help="Its name  [default: model, date and time]"),
    click.option(
        "--service-account",
        metavar="NAME",
        help="Kubernetes account of its pods  [default: KFP_SERVICE_ACCOUNT, else Kubeflow's]",
    ),
    click.option("--upload-data", is_flag=True, help="Copy the data to KANARYA_MODEL_STORE first."),
    click.option("--detach", is_flag=True, help="Start it, say where it is, and do not wait."),
)
THERE_ONLY = (
    "host",
    "namespace",
    "experiment",
    "run_name",
    "service_account",
    "upload_data",
    "detach",
)
"""Options that say nothing about a run on this machine."""


def on_cluster(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--on`, `--host` and `--namespace`."""
    for option in (namespace, host, on):
        command = option(command)
    return command


def to_submit(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command what says how a run is filed on a cluster."""
    for option in reversed(filed):
        command = option(command)
    return command


def refuse_there_only(engine: str, options: dict[str, Any]) -> None:
    """Refuse an option of clusters where the command is about this machine."""
    given = [name for name in THERE_ONLY if options.get(name)]
    if engine == "local" and given:
        raise UsageError(f"--{given[0].replace('_', '-')} is for --on cluster; add that")


def opened(host: str | None, namespace: str | None) -> Cluster:
    """Return a connection to the cluster that options and environment name."""
    from pipelines.cluster import connect
    from pipelines.cluster_place import Place

    return connect(Place.from_env(host or "", namespace or ""))
