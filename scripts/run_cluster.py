"""`kanarya run SPEC --on cluster`: start a run, watch it as if it were here, say how it ended."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pipelines.asked import Asked
from scripts.cluster_options import opened
from scripts.progress import EXIT, Progress
from scripts.queued import note
from serving.settings import Settings

if TYPE_CHECKING:
    from pipelines.cluster import Cluster
    from pipelines.cluster_start import Filed
    from pipelines.journal import Result
    from pipelines.spec import AnySpec


def start(spec: AnySpec, filed: Filed, cluster: Cluster, *, as_json: bool) -> int:
    """Start a run, wait for it unless `filed.detach`, and return the exit code."""
    from pipelines import cluster_runs
    from pipelines.cluster_start import ask_before_copying, submission

    progress = Progress(quiet=as_json)
    if filed.upload_data:
        ask_before_copying(cluster, spec)
    note(Asked(spec), Settings.from_env(), cluster.place.shown)
    asked = submission(spec, filed)
    gap = cluster_runs.gap_of(cluster)
    if gap:
        click.echo(f"note: {gap}", err=True)
    run = cluster_runs.submit(cluster, asked)
    page = cluster.place.page("runs", run.run_id)
    progress.begin(asked.name, asked.arguments)
    progress.line(f"{page}  (run {run.run_id})")
    if not filed.detach:
        return watch(cluster, run.run_id, progress, as_json=as_json)
    if as_json:
        click.echo(json.dumps({"run_id": run.run_id, "name": asked.name, "page": page}, indent=2))
    progress.line(f"`kanarya runs watch {run.run_id}` shows how it goes")
    return 0


def watch(cluster: Cluster, run_id: str, progress: Progress, *, as_json: bool) -> int:
    """Show a run until it ends and return the exit code; Ctrl-C leaves it running."""
    from pipelines.cluster_watch import Clock, Watch

    clock = Clock(time.monotonic, time.sleep)
    try:
        ended = Watch(cluster, run_id, clock, progress.tell).wait()
    except KeyboardInterrupt:
        click.echo(
            f"the run goes on; `kanarya runs watch {run_id}` shows it again, "
            f"`kanarya runs cancel {run_id}` ends it",
            err=True,
        )
        raise
    return told(ended, progress, as_json=as_json)


def find_and_watch(cluster: Cluster, name: str, *, as_json: bool) -> int:
    """Watch the run of this id or name to its end and return the exit code."""
    from pipelines import cluster_runs

    found = cluster_runs.find(cluster, name)
    progress = Progress(quiet=as_json)
    if {"data_uri", "model_kind"} <= set(found.arguments):
        progress.begin(found.name, found.arguments)
    progress.line(cluster.place.page("runs", found.run_id))
    return watch(cluster, found.run_id, progress, as_json=as_json)


def told(ended: Result, progress: Progress, *, as_json: bool) -> int:
    """Say how a run ended and return its exit code."""
    progress.end(ended)
    if as_json:
        click.echo(json.dumps(asdict(ended), indent=2))
    return EXIT.get(ended.outcome, 1)


def begin(spec: AnySpec, options: Mapping[str, Any], *, as_json: bool) -> int:
    """Do what `kanarya run SPEC --on cluster` was asked for."""
    from pipelines.cluster_start import Filed, reachable

    filed = Filed.of(options)
    if not filed.upload_data:
        reachable(spec, "", filed)  # before the cluster is asked for anything
    cluster = opened(options.get("host"), options.get("namespace"))
    return start(spec, filed, cluster, as_json=as_json)
