"""Runs on a cluster: start, look at, list, cancel."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.cluster import EVERY, Cluster
from pipelines.cluster_errors import version_gap
from pipelines.cluster_place import is_id
from pipelines.cluster_steps import ClusterRun, Task, from_api, tasks
from pipelines.errors import ClusterError, NoApi, NotThere, Unreachable

EQUALS = 1
"""The operation of `filter.proto`."""


def by_name(name: str) -> str:
    """Return the filter (`filter.proto`) for objects of a name."""
    return json.dumps(
        {"predicates": [{"operation": EQUALS, "key": "display_name", "stringValue": name}]}
    )


@dataclass(frozen=True)
class Submission:
    """What is to run: the pipeline's YAML, its parameters, and how it is filed."""

    package: str
    arguments: Mapping[str, Any]
    name: str
    experiment: str
    service_account: str = ""


def submit(cluster: Cluster, asked: Submission) -> ClusterRun:
    """Start a run and return it. Raises ClusterError with the reason of a refusal."""
    experiment = experiment_id(cluster, asked.experiment)
    with package_file(asked.package) as path, explained(cluster):
        created = cluster.call(
            f"start {asked.name}",
            lambda client: client.run_pipeline(
                experiment,
                asked.name,
                pipeline_package_path=path,
                params=dict(asked.arguments),
                service_account=asked.service_account or None,
            ),
        )
    return from_api(created.to_dict())


def experiment_id(cluster: Cluster, name: str) -> str:
    """Return the id of an experiment, which is made where there is none of that name."""
    made = cluster.call(
        f"use the experiment {name!r}",
        lambda client: client.create_experiment(name),
    )
    return str(made.experiment_id)


def find_experiment(cluster: Cluster, name: str) -> str:
    """Return the id of an experiment. Raises NotThere where there is none of that name."""
    try:
        found = cluster.call(
            f"look for the experiment {name!r}",
            lambda client: client.get_experiment(experiment_name=name),
        )
    except ValueError as error:  # the SDK's word for "no such experiment", and for several
        if not str(error).startswith("No experiment"):
            raise ClusterError(f"cannot look for the experiment {name!r}: {error}") from error
        raise NotThere(
            f"there is no experiment {name!r}{within(cluster)}; is the namespace right?"
        ) from error
    return str(found.experiment_id)


def get(cluster: Cluster, run_id: str) -> ClusterRun:
    """Return a run by its id. Raises NotThere where there is none."""
    record = cluster.call(f"see the run {run_id}", lambda client: client.get_run(run_id))
    return from_api(record.to_dict())


def find(cluster: Cluster, name: str) -> ClusterRun:
    """Return a run by its id or, of the newest, its name. Raises NotThere."""
    if not is_id(name):
        named = _listed(cluster, 1, filter=by_name(name))
        name = named[0].run_id if named else name
    try:
        return get(cluster, name)
    except NotThere as error:
        raise NotThere(
            f"there is no run {name!r}{within(cluster)}; `kanarya runs list --on cluster` shows "
            "those there are"
        ) from error


def newest(cluster: Cluster, experiment: str = "", limit: int = EVERY) -> list[ClusterRun]:
    """Return the newest runs, of one experiment or of all."""
    known = {"experiment_id": find_experiment(cluster, experiment)} if experiment else {}
    return _listed(cluster, limit, **known)


def by_pages(cluster: Cluster, size: int) -> Iterator[list[ClusterRun]]:
    """Yield the newest runs, so many at a time: each brings its pipeline along, 150 KB of YAML."""
    for page in cluster.each_page(
        "list the runs", "runs", lambda client, asked: client.list_runs(**asked), size
    ):
        yield [from_api(run.to_dict()) for run in page]


def cancel(cluster: Cluster, run_id: str) -> None:
    """Stop a run: its pods are ended, and its exit handler runs."""
    cluster.call(f"cancel the run {run_id}", lambda client: client.terminate_run(run_id))


def known_tasks(cluster: Cluster, run: ClusterRun) -> dict[str, Task]:
    """Return the steps of the pipeline of a run."""
    return tasks(pipeline_of(cluster, run))


def pipeline_of(cluster: Cluster, run: ClusterRun) -> Mapping[str, Any]:
    """Return the pipeline of a run, which one started from the UI refers to; {} without one."""
    if run.spec or run.reference is None:
        return run.spec
    pipeline, version = run.reference
    found = cluster.call(
        "read the pipeline of the run",
        lambda client: client.get_pipeline_version(pipeline, version),
    )
    return found.pipeline_spec or {}


@contextmanager
def package_file(text: str) -> Iterator[str]:
    """Yield a file with the pipeline's YAML, as the SDK wants it."""
    with tempfile.TemporaryDirectory(prefix="kanarya-") as folder:
        path = Path(folder) / "pipeline.yaml"
        path.write_text(text, encoding="utf-8")
        yield str(path)


@contextmanager
def explained(cluster: Cluster) -> Iterator[None]:
    """Add to a refusal that the backend is older than what compiled, where it is."""
    try:
        yield
    except (NoApi, NotThere, Unreachable):
        raise
    except ClusterError as error:
        gap = gap_of(cluster)
        if not gap:
            raise
        raise ClusterError(f"{error}. {gap}") from error


def gap_of(cluster: Cluster) -> str:
    """Return a sentence where the backend is older than the SDK, else ""; never an error."""
    try:
        return version_gap(cluster.sdk, cluster.version)
    except ClusterError:
        return ""


def within(cluster: Cluster) -> str:
    """Return " in the namespace …" where one is named."""
    return f" in the namespace {cluster.place.namespace!r}" if cluster.place.namespace else ""


def _listed(cluster: Cluster, limit: int, **known: str) -> list[ClusterRun]:
    found = cluster.pages(
        "list the runs", "runs", lambda client, asked: client.list_runs(**asked, **known), limit
    )
    return [from_api(run.to_dict()) for run in found]
