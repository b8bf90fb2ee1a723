"""`kanarya pipelines`: the pipelines in a cluster's UI, to be started from its form."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from scripts.cluster_options import host, namespace, opened
from serving.errors import UsageError


@click.group()
def pipelines() -> None:
    """Upload the pipelines to Kubeflow Pipelines, for people to start from its form."""


@pipelines.command()
@click.argument("spec_file", metavar="[SPEC]", required=False, type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="Its name there  [default: kanarya- and the model's]")
@click.option("--version", metavar="NAME", help="Name of the version  [default: commit and time]")
@host
@namespace
def upload(
    spec_file: Path | None,
    name: str | None,
    version: str | None,
    host: str | None,
    namespace: str | None,
) -> None:
    r"""Upload a pipeline, or a further version of it.

    \b
    kanarya pipelines upload               all, with the defaults of their graphs in the form
    kanarya pipelines upload SPEC          one, with a spec's values in the form
    """
    from pipelines import cluster_uploads

    packages = _packages(spec_file, name)
    cluster = opened(host, namespace)
    for usual, package in packages:
        made = cluster_uploads.upload(cluster, package, name or usual, version or _version())
        click.echo(f"{made.name}, version {made.version}: {made.page}")


@pipelines.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@host
@namespace
def list_pipelines(as_json: bool, host: str | None, namespace: str | None) -> None:
    """List the pipelines that are there."""
    from pipelines import cluster_uploads
    from pipelines.cluster_runs import within

    cluster = opened(host, namespace)
    found = cluster_uploads.every(cluster)
    if as_json:
        click.echo(json.dumps([{"name": name, "id": known} for name, known in found], indent=2))
        return
    if not found:
        click.echo(f"there is no pipeline{within(cluster)}; `kanarya pipelines upload` brings some")
    for name, known in found:
        click.echo(f"{name:<40} {cluster.place.page('pipelines', known)}")


def _packages(spec_file: Path | None, name: str | None) -> list[tuple[str, str]]:
    """Return (its usual name, its YAML) for each pipeline that is meant."""
    from pipelines.cluster_package import form_of, plain, refuse_local, refuse_local_network

    if spec_file is None:
        if name:
            raise UsageError("--name is for one pipeline: name the spec that it is made of")
        return plain()
    from pipelines.spec import load

    spec = load(spec_file)
    refuse_local(spec.data.uri)
    refuse_local_network(spec)
    return [(f"kanarya-{spec.name}", form_of(spec))]


def _version() -> str:
    from components.provenance import git

    commit = git("rev-parse", "--short=12", "HEAD", folder=Path(__file__).parent)
    now = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    return f"{commit}-{now}" if commit else now
