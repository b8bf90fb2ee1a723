"""`kanarya run SPEC --on cluster`: start a run, watch it as if it were here, say how it ended."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scripts.cluster_options import opened
from scripts.progress import Progress
from serving.settings import Settings

if TYPE_CHECKING:
    from pipelines.cluster import Cluster
    from pipelines.cluster_runs import Submission
    from pipelines.journal import Result
    from pipelines.spec import AnySpec


@dataclass(frozen=True)
class Filed:
    """How a run is filed on a cluster; "" where the default will do."""

    experiment: str = ""
    run_name: str = ""
    service_account: str = ""
    upload_data: bool = False
    detach: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Filed:
        """Return what a command's options say."""
        return cls(**{name: options.get(name) or of for name, of in asdict(cls()).items()})


def start(spec: AnySpec, filed: Filed, cluster: Cluster, *, as_json: bool) -> int:
    """Start a run, wait for it unless `filed.detach`, and return the exit code."""
    from pipelines import cluster_runs

    progress = Progress(quiet=as_json)
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


def submission(spec: AnySpec, filed: Filed) -> Submission:
    """Return what is to be sent for a spec; its data is where a pod can read it.

    Raises UsageError for data on this machine.
    """
    from components.provenance import git
    from pipelines.cluster_package import text_of
    from pipelines.cluster_place import SERVICE_ACCOUNT
    from pipelines.cluster_runs import Submission
    from pipelines.journal import new_run_id
    from pipelines.spec import pipeline_arguments

    unique = new_run_id(spec.name, datetime.now(UTC))
    name = filed.run_name or unique
    known = {"git_commit": git("rev-parse", "HEAD", folder=Path()), "run_key": name}
    return Submission(
        package=text_of(spec.task),
        arguments={**pipeline_arguments(reachable(spec, unique, filed)), **known},
        name=name,
        experiment=filed.experiment or spec.name,
        service_account=filed.service_account or os.environ.get(SERVICE_ACCOUNT, ""),
    )


def reachable(spec: AnySpec, key: str, filed: Filed) -> AnySpec:
    """Return the spec with data that a pod can read: uploaded, if that is asked for."""
    from pipelines.cluster_package import refuse_local, uploaded

    uri = spec.data.uri
    if filed.upload_data:
        uri = uploaded(uri, Settings.from_env().model_store, key)
    refuse_local(uri)
    return spec.model_copy(update={"data": spec.data.model_copy(update={"uri": uri})})


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


def told(ended: Result, progress: Progress, *, as_json: bool) -> int:
    """Say how a run ended and return its exit code."""
    from scripts.run import EXIT

    progress.end(ended)
    if as_json:
        click.echo(json.dumps(asdict(ended), indent=2))
    return EXIT.get(ended.outcome, 1)


def begin(spec: AnySpec, options: Mapping[str, Any], *, as_json: bool) -> int:
    """Do what `kanarya run SPEC --on cluster` was asked for."""
    filed = Filed.of(options)
    if not filed.upload_data:
        reachable(spec, "", filed)  # before the cluster is asked for anything
    cluster = opened(options.get("host"), options.get("namespace"))
    return start(spec, filed, cluster, as_json=as_json)
