"""`kanarya run`: from a spec, or from a CSV file and a column, to a live model."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.asked import Asked, Place
from scripts.cluster_options import on_cluster, refuse_there_only, to_submit
from scripts.progress import EXIT, Progress
from scripts.queued import enqueue, note, queued
from serving import signing
from serving.errors import UsageError
from serving.settings import Settings

if TYPE_CHECKING:
    from pipelines.journal import Result
    from pipelines.warm import Steps

ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar")
"""What holds pictures where no column is to be predicted."""


@click.command()
@click.argument("spec_file", metavar="[SPEC]", required=False, type=click.Path(path_type=Path))
@click.option("--data", metavar="FILE", help="A CSV file, or pictures, instead of a spec.")
@click.option("--target", metavar="COLUMN", help="The column to predict; none of pictures.")
@click.option("--model", metavar="KIND", help="Such as mlp  [default: random_forest, cnn]")
@click.option("--task", metavar="TASK", help="tabular-regression: the target is a number.")
@click.option("--name", metavar="NAME", help="Name of the model  [default: the file's name]")
@click.option("--drop", metavar="COLUMN", multiple=True, help="Leave a column out (repeatable).")
@click.option(
    "--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change a value of the spec."
)
@click.option(
    "--network", metavar="URI", help="A network that was trained already (a TrainJob's model/)."
)
@on_cluster
@to_submit
@queued
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def run(
    spec_file: Path | None, changes: tuple[str, ...], engine: str, as_json: bool, **short: Any
) -> int:
    """Train, gate, register and roll out one model.

    \b
    kanarya run pipelines/specs/iris.yaml
    kanarya run --data customers.csv --target churned --model random_forest
    kanarya run --data pictures.zip
    kanarya run --data houses.csv --target price --task tabular-regression
    kanarya run pipelines/specs/iris.yaml --queue
    kanarya run pipelines/specs/iris.yaml --on cluster --upload-data
    kanarya run cifar.yaml --network gs://models/cifar-train

    Exit code: 0 done, 1 failed, 2 wrong spec, 3 rejected by the gate, 4 rolled back, 5 conflict.
    """  # noqa: D301 - click wants the backspace itself: it keeps the lines below as they are
    from pipelines.spec import load, parse

    if (spec_file is None) == (short["data"] is None):
        raise UsageError("say what to run: a spec file, or --data FILE --target COLUMN")
    refuse_there_only(engine, short)
    if engine == "cluster" and short["queue"]:
        raise UsageError("--queue is for runs of this machine; on a cluster add --detach instead")
    changes = (*changes, *_network(short["network"]))
    spec = load(spec_file, changes) if spec_file else parse(_document(short, changes), "--data")
    if engine == "cluster":
        from scripts.run_cluster import begin

        return begin(spec, short, as_json=as_json)
    if short["queue"]:
        return enqueue(Asked(spec), short["priority"], as_json=as_json)
    return start(Asked(spec), as_json=as_json)


def _network(uri: str | None) -> tuple[str, ...]:
    """Return the change of a spec that --network stands for."""
    from pipelines.spec import located

    return (f"model.network={json.dumps(located(uri, Path()))}",) if uri else ()


def start(asked: Asked, *, as_json: bool) -> int:
    """Run what is asked for, say how it ended, and return the exit code.

    Raises DataError, before anything is started, where its data is a path with nothing there, and
    UsageError where its model is to be signed with a key that cannot sign.
    """
    from components.ingest import presence
    from pipelines.local import CHECKOUT
    from pipelines.warm import steps

    settings = Settings.from_env()
    presence.refuse_missing(asked.spec.data.uri, pictures=asked.spec.task == "image")
    if settings.signing_key:
        signing.refuse_unusable(settings.signing_key)
    note(asked, settings)
    with steps(CHECKOUT) as warm:
        result = execute(asked, settings, Progress(quiet=as_json), warm)
    if as_json:
        click.echo(json.dumps(asdict(result), indent=2))
    return EXIT[result.outcome]


def execute(
    asked: Asked, settings: Settings, progress: Progress, warm: Steps, place: Place | None = None
) -> Result:
    """Run the compiled pipeline of a spec's task on this machine and return its Result."""
    from components.provenance import git
    from pipelines import compile as compiled
    from pipelines.local import LocalRun
    from pipelines.local import run as run_locally
    from pipelines.spec import pipeline_arguments

    name = asked.spec.name
    place = place or _new_place(settings, name)
    commit = asked.git_commit
    if commit is None:
        commit = git("rev-parse", "HEAD", folder=Path())
    known = {"data_sha256": asked.data_sha256, "git_commit": commit, "why": asked.why}
    arguments = {**pipeline_arguments(asked.spec), **known, "run_key": place.run_key}
    progress.begin(place.folder.run_id, arguments)
    gateway, origin = _ready(settings, asked)
    graph = compiled.path(compiled.OF_TASK[asked.spec.task])
    job = LocalRun(graph, arguments, place.folder, settings, warm, origin, place.before)
    result = run_locally(job, time.time, progress.tell)
    progress.end(result)
    if result.outcome == "promoted" and gateway:
        progress.line(f"{gateway}/serving/{settings.namespace}/{name}/v1/models/{name}:predict")
    return result


def _new_place(settings: Settings, name: str) -> Place:
    from pipelines.journal import RunFolder, new_run_id

    run_id = new_run_id(name, datetime.now(UTC))
    return Place(RunFolder(settings.home / "runs" / run_id), run_id)


def _ready(settings: Settings, asked: Asked) -> tuple[str | None, dict[str, Any]]:
    """Start the local platform, if it is ours to start, while kfp is being imported.

    Returns the gateway's address, None where a kubeconfig of somebody else's is in use, and what
    the run comes from.
    """
    with ThreadPoolExecutor(2) as pool:
        started, origin = pool.submit(_platform, settings), pool.submit(_origin, asked)
        import kfp.local  # noqa: F401 - half a second, spent while the platform starts

        return started.result(), origin.result()


def _origin(asked: Asked) -> dict[str, Any]:
    from components import provenance
    from pipelines.origin import Origin

    spec, around = asked.spec.model_dump(mode="json"), provenance.environment()
    known = (asked.data_sha256, asked.made_from, asked.why)
    return Origin(spec, provenance.code(), around, *known).to_json()


def _platform(settings: Settings) -> str | None:
    if settings.kubeconfig != settings.home / "kubeconfig":
        return None
    from serving.local.platform import up

    return up(settings).gateway_url


def _document(short: dict[str, Any], changes: tuple[str, ...]) -> object:
    from pipelines.spec import change, located, name_from

    data, target = short["data"], short["target"]
    uri = located(data, Path())
    document: dict[str, Any] = {"name": short["name"] or name_from(data), "data": {"uri": uri}}
    if target:
        document["data"] |= {"target": target, "drop": list(short["drop"])}
    elif data.startswith("keras://") or data.endswith(ARCHIVES) or Path(uri).is_dir():
        document["task"] = "image"
    else:
        raise UsageError(f"--data {data}: which column is to be predicted? Add --target COLUMN")
    if short["task"]:
        document["task"] = short["task"]
    if short["model"]:
        document["model"] = {"kind": short["model"]}
    return change(document, changes)
