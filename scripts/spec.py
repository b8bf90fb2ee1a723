"""`kanarya spec`: check a spec before anything runs; print its JSON Schema for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group()
def spec() -> None:
    """Check a spec, print its JSON Schema, or what Katib and Kubeflow Trainer make of it."""


@spec.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Say whether a spec would be accepted."""
    from pipelines.spec import load

    loaded = load(file)
    click.echo(f"{file}: {loaded.name} is a valid {loaded.task} spec")


@spec.command()
def schema() -> None:
    """Print the JSON Schema of a spec."""
    from pipelines.spec import schema as of_spec

    click.echo(json.dumps(of_spec(), indent=2))


@spec.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--namespace", default="default", show_default=True, help="Where it is to run.")
@click.option("--claim", required=True, help="Volume claim with the split step's part in train/.")
def katib(file: Path, namespace: str, claim: str) -> None:
    """Print a spec's search as an Experiment of Katib."""
    import yaml

    from pipelines.images import COMPONENTS, Images
    from pipelines.katib import experiment
    from pipelines.spec import Spec, load
    from serving.errors import UsageError

    loaded = load(file)
    if not isinstance(loaded, Spec):
        raise UsageError(f"{file}: only models of tables are tuned, and its task is {loaded.task}")
    click.echo(yaml.safe_dump(experiment(loaded, namespace, claim), sort_keys=False), nl=False)
    _doubt(Images.from_env().tabular, COMPONENTS)


@spec.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--namespace", default="default", show_default=True, help="Where it is to run.")
@click.option(
    "--claim",
    default="",
    help="Volume claim that all nodes can mount, with the split step's part in train/  [default: "
    "each pod reads the spec's data.uri itself]",
)
@click.option(
    "--network", metavar="URI", default="", help="Bucket that the network is copied to in the end."
)
@click.option(
    "--service-account",
    "account",
    metavar="NAME",
    envvar="KFP_SERVICE_ACCOUNT",
    default="",
    help="Kubernetes account of its pods  [default: KFP_SERVICE_ACCOUNT, else the namespace's own]",
)
def trainjob(file: Path, namespace: str, claim: str, network: str, account: str) -> None:
    r"""Print a spec's training by several pods as a TrainJob of Kubeflow Trainer.

    \b
    kanarya spec trainjob cifar.yaml --network gs://models/cifar-train | kubectl apply -f -
    kanarya run cifar.yaml --on cluster --network gs://models/cifar-train
    """
    import yaml

    from pipelines.images import TENSORFLOW, Images
    from pipelines.spec import ImageSpec, load
    from pipelines.trainjob import Place, manifests
    from serving.errors import UsageError

    loaded = load(file)
    if not isinstance(loaded, ImageSpec):
        raise UsageError(
            f"{file}: only networks of images are trained by several pods, and its task is "
            f"{loaded.task}; a table's model learns in one"
        )
    made = manifests(loaded, Place(namespace, claim, network, account))
    click.echo(yaml.safe_dump_all(made, sort_keys=False), nl=False)
    _doubt(Images.from_env().images, TENSORFLOW)


def _doubt(image: str, variable: str) -> None:
    """Say where the pods' image is the one that is in no registry."""
    from components.image import IMAGE, IMAGES

    if image in (IMAGE, IMAGES):
        click.echo(f"note: {image} is in no registry; name yours in {variable}", err=True)
