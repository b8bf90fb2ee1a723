"""A spec as what is sent to a cluster, with its data where a pod can read it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.provenance import git
from pipelines import cluster_runs, cluster_steps
from pipelines.cluster import connect
from pipelines.cluster_package import (
    package_of,
    refuse_local,
    refuse_local_network,
    text_of,
    to_upload,
    uploaded,
)
from pipelines.cluster_place import SERVICE_ACCOUNT
from pipelines.cluster_runs import Submission
from pipelines.journal import new_run_id
from pipelines.spec import pipeline_arguments
from serving.settings import Settings

if TYPE_CHECKING:
    from pipelines.asked import Asked
    from pipelines.cluster import Cluster
    from pipelines.cluster_place import Place
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


@dataclass(frozen=True)
class Begun:
    """A run that was started: its id there, its name, its page in the UI."""

    run_id: str
    name: str
    page: str


def begin(place: Place, asked: Asked, filed: Filed) -> Begun:
    """Start a run of what is asked for, and return it.

    Raises UsageError for data that no pod can read, and ClusterError for a refusal.
    """
    if not filed.upload_data:
        refuse_local(asked.spec.data.uri)
    refuse_local_network(asked.spec)
    cluster = connect(place)
    cluster_runs.newest(cluster, limit=1)  # is it there, and may we: before data is copied
    sent = submission(asked.spec, filed, data_sha256=asked.data_sha256)
    run = cluster_runs.submit(cluster, sent)
    return Begun(run.run_id, sent.name, place.page("runs", run.run_id))


def again(place: Place, run_id: str) -> Begun:
    """Start a run of the cluster once more: its own pipeline, its own parameters, another name.

    Raises NotThere where there is no such run, and ClusterError for a refusal.
    """
    cluster = connect(place)
    run = cluster_runs.get(cluster, run_id)
    known = cluster_steps.defaults(run.spec) | dict(run.arguments)
    model = str(known.get("name") or "run")
    name = new_run_id(model, datetime.now(UTC))
    sent = Submission(
        package=package_of(cluster_runs.pipeline_of(cluster, run)),
        arguments={**run.arguments, "run_key": name},
        name=name,
        experiment=model,
        service_account=os.environ.get(SERVICE_ACCOUNT, ""),
    )
    made = cluster_runs.submit(cluster, sent)
    return Begun(made.run_id, name, place.page("runs", made.run_id))


def ask_before_copying(cluster: Cluster, spec: AnySpec) -> None:
    """Ask a cluster whether it is there and lets us in, before data is copied to its bucket.

    Raises UsageError for what cannot be copied, before anything is asked, and ClusterError.
    """
    to_upload(spec.data.uri, Settings.from_env().model_store)
    cluster_runs.newest(cluster, limit=1)


def submission(spec: AnySpec, filed: Filed, *, data_sha256: str = "") -> Submission:
    """Return what is to be sent for a spec; its data is where a pod can read it.

    `data_sha256`: what the data must have, "" for any. Raises UsageError for data on this machine.
    """
    unique = new_run_id(spec.name, datetime.now(UTC))
    name = filed.run_name or unique
    package = text_of(spec.task)
    known = {"git_commit": git("rev-parse", "HEAD", folder=Path()), "run_key": name}
    known |= {"data_sha256": data_sha256} if data_sha256 else {}
    return Submission(
        package=package,
        arguments={**pipeline_arguments(reachable(spec, unique, filed)), **known},
        name=name,
        experiment=filed.experiment or spec.name,
        service_account=filed.service_account or os.environ.get(SERVICE_ACCOUNT, ""),
    )


def reachable(spec: AnySpec, key: str, filed: Filed) -> AnySpec:
    """Return the spec with data that a pod can read: uploaded, if that is asked for."""
    refuse_local_network(spec)
    uri = spec.data.uri
    if filed.upload_data:
        uri = uploaded(uri, Settings.from_env().model_store, key)
    refuse_local(uri)
    return spec.model_copy(update={"data": spec.data.model_copy(update={"uri": uri})})
