"""Two containers of the image for pictures train one network, as the two pods of a TrainJob."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.ingest import image_step as ingest
from components.split import image_step as split
from components.split.rules import Choice
from pipelines import trainjob
from pipelines.spec import ImageSpec, parse
from tests.components.pictures import parts, zipped
from tests.docker.engine import LOCKED, docker, given, image, inspected, user

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1200)]

DOCUMENT = {
    "name": "colours",
    "task": "image",
    "data": {"uri": "gs://nobody/colours.zip"},
    "model": {
        "workers": 2,
        "hyperparameters": {"epochs": 3, "width": 8, "batch_size": 16, "validation_size": 0.1},
    },
}


@pytest.fixture
def network() -> Iterator[str]:
    """A network whose names its containers know, as a JobSet's headless Service makes them."""
    image("images-python")
    name = f"kanarya-{uuid.uuid4().hex[:12]}"
    docker("network", "create", name)
    yield name
    docker("network", "rm", name)


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """The claim: the split step's training part, and room for the network."""
    source = zipped(tmp_path / "colours.zip", parts(30, 8, (16, 16)))
    ingest.run(str(source), ingest.Request((16, 16)), tmp_path / "images")
    made = given(tmp_path / "volume")
    split.run(tmp_path / "images", Choice(0.2, 42), made / "train", tmp_path / "test")
    return made


def container() -> dict[str, Any]:
    """What the printed TrainJob says of the container that trains."""
    spec = parse(DOCUMENT, "colours.yaml")
    assert isinstance(spec, ImageSpec)
    runtime, _ = trainjob.manifests(spec, trainjob.Place("ml", "pictures"))
    (job,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    (found,) = job["template"]["spec"]["template"]["spec"]["containers"]
    return dict(found)


def begin(index: int, network: str, volume: Path) -> str:
    """Start a pod under its own name and number, with what the printed container has."""
    found = container()
    told = {each["name"]: each["value"] for each in found["env"] if "value" in each}
    told["JOB_COMPLETION_INDEX"] = str(index)
    own, _, _ = told["KANARYA_TRAINERS"].split(",")[index].partition(":")
    variables = [word for pair in told.items() for word in ("--env", "=".join(pair))]
    flags = ("--network", network, "--network-alias", own, "--volume", f"{volume}:/data")
    done = docker(
        *("run", "--detach", *LOCKED, "--user", user(), *flags, *variables),
        *("--entrypoint", "", image("images-python"), *found["command"]),
    )
    return done.stdout.strip()


def test_two_pods_find_each_other_by_their_names_and_leave_one_network(
    network: str, volume: Path
) -> None:
    pods = [begin(index, network, volume) for index in range(2)]
    try:
        docker("wait", *pods)
        said = ["".join((told := docker("logs", pod)).stdout + told.stderr) for pod in pods]
        codes = [inspected(pod)["State"]["ExitCode"] for pod in pods]
        assert codes == [0, 0], "\n".join(said)
    finally:
        docker("rm", "--force", *pods)
    assert "epoch 3 of 3" in said[0] and "run: " in said[0]
    assert "run: " not in said[1], "the first records, and it alone"
    history = json.loads((volume / "model" / "history.json").read_text(encoding="utf-8"))
    assert len(history["validation_accuracy"]) == 3
