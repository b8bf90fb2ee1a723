"""Pipelines that people start from the UI's form: uploaded, and renewed as further versions."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.cluster import Cluster
from pipelines.cluster_runs import by_name, explained, package_file
from pipelines.errors import ClusterError


@dataclass(frozen=True)
class Uploaded:
    """A pipeline's version as it stands in the UI."""

    name: str
    version: str
    page: str


def upload(cluster: Cluster, package: str, name: str, version: str) -> Uploaded:
    """Upload a pipeline's YAML under a name; as a further version where there is one of that name.

    Raises ClusterError, also where there is a version of that name already.
    """
    pipeline_id = _known(cluster, name) or _made(cluster, name)
    with package_file(package) as path, explained(cluster):
        made = cluster.call(
            f"upload version {version!r} of the pipeline {name!r} (is there one already?)",
            lambda client: client.upload_pipeline_version(path, version, pipeline_id=pipeline_id),
        )
    page = f"{pipeline_id}/version/{made.pipeline_version_id}"
    return Uploaded(name, version, cluster.place.page("pipelines", page))


def every(cluster: Cluster) -> list[tuple[str, str]]:
    """Return (name, id) of the pipelines in the namespace, the newest first."""
    return _listed(cluster, "")


def _made(cluster: Cluster, name: str) -> str:
    """Return the id of a new pipeline, which has no version yet."""
    body = {"display_name": name}
    if cluster.place.namespace:
        body["namespace"] = cluster.place.namespace
    made = cluster.call(
        f"make the pipeline {name!r}",
        lambda client: client.pipelines.pipeline_service_create_pipeline(body),
    )
    return str(made.pipeline_id)


def _known(cluster: Cluster, name: str) -> str:
    """Return the id of the pipeline of that name in the namespace, "" where there is none."""
    known = _listed(cluster, by_name(name))
    if len(known) > 1:
        raise ClusterError(f"there are {len(known)} pipelines {name!r}; give it another --name")
    return known[0][1] if known else ""


def _listed(cluster: Cluster, wanted: str) -> list[tuple[str, str]]:
    found = cluster.pages(
        "list the pipelines",
        "pipelines",
        lambda client, asked: client.list_pipelines(
            filter=wanted, namespace=cluster.place.namespace or None, **asked
        ),
    )
    return [(str(each.display_name), str(each.pipeline_id)) for each in found]
