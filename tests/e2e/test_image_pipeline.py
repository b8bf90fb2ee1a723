"""Pictures in a zip become a live network; a kill in the middle of training leaves nothing."""

import base64
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from components.workers import ADDRESSES, INDEX
from pipelines import trainjob
from pipelines.spec import AnySpec, ImageSpec, change, load
from serving import artifact, storage
from tests.components.pictures import COLOURS, encoded, parts, shade, zipped
from tests.e2e.conftest import ROOT, Installation, outcome
from tests.e2e.mlflow_servers import free_port, simple_storage
from tests.e2e.processes import kill_midway, newest_run

pytestmark = [pytest.mark.kfp, pytest.mark.timeout(600)]

SIZE = (16, 16)
EPOCHS = 4
SPECS = ROOT / "pipelines" / "specs"
CIFAR10 = ROOT.parent / "shared" / "data" / "cifar10-images.zip"
KEYS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
SMALL = (
    f"model.hyperparameters={{epochs: {EPOCHS}, width: 8, batch_size: 8, validation_size: 0.1}}",
    "rollout.steps=[100]",
)
EVALUATION = {
    *("plots/confusion_matrix.png", "plots/mistakes.png", "plots/training_curves.png"),
    *("scores.json", "predictions.parquet"),
}


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred pictures, or nearly, of three colours."""
    return zipped(tmp_path_factory.mktemp("data") / "colours.zip", parts(50, 16, SIZE))


def words(source: Path, *changes: str) -> list[str]:
    sets = [part for change in (*SMALL, *changes) for part in ("--set", change)]
    return ["run", "--data", str(source), *sets, "--json"]


def files(here: Installation, run_id: str, folder: str = "") -> set[str]:
    found = here.mlflow.list_artifacts(run_id, folder)
    below = {path for each in found if each.is_dir for path in files(here, run_id, each.path)}
    return below | {each.path for each in found if not each.is_dir}


def ask(here: Installation, name: str, pictures: list[bytes]) -> dict[str, Any]:
    url = f"{here.platform.gateway_url}/serving/default/{name}/v1/models/{name}:predict"
    body = {"instances": [{"b64": base64.b64encode(each).decode()} for each in pictures]}
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def log(home: Path) -> str:
    """What the training of the newest run has said so far."""
    found = sorted(home.glob("runs/*/logs/train-images.log"))
    return found[-1].read_text() if found else ""


def test_a_kill_in_the_middle_of_training_leaves_no_half_made_version(
    here: Installation, colours: Path
) -> None:
    run = here.begin(*words(colours, "model.hyperparameters.epochs=500"))
    kill_midway(run, "train_images", lambda: "epoch 2 of" in log(here.settings.home))
    _, said = run.communicate(timeout=120)
    assert run.returncode == 1, said
    assert "train-images: its process ended without a word" in said
    assert here.mlflow.search_model_versions("name = 'colours'") == []
    assert here.open_runs() == []
    trained = newest_run(here.settings.home) / "artifacts"
    assert not list(trained.glob("*/train-images/model"))
    assert not list((here.settings.home / "models").glob("colours/[0-9]*"))


@pytest.fixture(scope="module")
def first(here: Installation, colours: Path) -> dict[str, Any]:
    """The run that brought the first network live."""
    done = here.kanarya(*words(colours))
    result = outcome(done)
    assert (done.returncode, result["outcome"], result["version"]) == (0, "promoted", "1")
    return result


def test_pictures_become_a_live_network(here: Installation, first: dict[str, Any]) -> None:
    result = first
    steps = [step["name"] for step in result["steps"]]
    assert steps[:4] == ["ingest-images", "validate-images", "split-images", "train-images"]
    version = here.mlflow.get_model_version("colours", "1")
    run = here.mlflow.get_run(version.run_id)
    assert run.data.metrics["accuracy"] >= 0.9
    for name in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
        history = here.mlflow.get_metric_history(version.run_id, name)
        assert [each.step for each in history] == [*range(1, EPOCHS + 1)], name
    kept = files(here, version.run_id)
    assert {f"evaluation/{name}" for name in EVALUATION} <= kept
    assert {"class_names.txt", "model_summary.txt", "report.html", "gate.md"} <= kept
    directory = storage.local_path(version.tags["kanarya.store_uri"])
    assert directory is not None
    native = {path.relative_to(directory).as_posix() for path in (directory / "native").rglob("*")}
    assert {"native/MLmodel", "native/data/model.keras", "native/model.h5"} <= native
    assert (directory / "native" / "class_names.txt").read_text().split() == [*COLOURS]
    card = artifact.read_card(directory)
    assert (card.task, card.signature.labels) == ("image", tuple(COLOURS))
    answer = ask(here, "colours", [encoded(shade(c, 99, SIZE)) for c in COLOURS.values()])
    assert answer["predictions"] == [*COLOURS]


@pytest.mark.slow
def test_a_network_that_was_trained_elsewhere_goes_on_to_a_live_model(
    here: Installation, colours: Path, first: dict[str, Any]
) -> None:
    (network,) = here.settings.home.glob(f"runs/{first['run_id']}/artifacts/*/train-images/model")
    done = here.kanarya(*words(colours), "--name", "taken", "--network", str(network))
    result = outcome(done)
    assert (done.returncode, result["outcome"], result["version"]) == (0, "promoted", "1")
    version = here.mlflow.get_model_version("taken", "1")
    run = here.mlflow.get_run(version.run_id)
    assert run.data.params["network"] == str(network)
    history = here.mlflow.get_metric_history(version.run_id, "validation_accuracy")
    assert [each.step for each in history] == [*range(1, EPOCHS + 1)]
    models = here.settings.home / "models"
    kept = [
        models / name / "1" / "native" / "data" / "model.keras" for name in ("colours", "taken")
    ]
    assert len({path.read_bytes() for path in kept}) == 1


@dataclass(frozen=True)
class Shared:
    """What two pods have in common: the data they read, where their network goes, variables."""

    data: str
    network: str
    volume: Path | None = None
    around: dict[str, str] = field(default_factory=dict)


@pytest.fixture(params=["volume", "bucket"])
def shared(
    request: pytest.FixtureRequest,
    here: Installation,
    colours: Path,
    first: dict[str, Any],
    tmp_path: Path,
) -> Iterator[Shared]:
    if request.param == "volume":
        (part,) = here.settings.home.glob(f"runs/{first['run_id']}/artifacts/*/split-images/train")
        (tmp_path / "volume").mkdir()
        (tmp_path / "volume" / "train").symlink_to(part)
        volume = tmp_path / "volume"
        yield Shared(str(colours), str(volume / "model"), volume)
        return
    with simple_storage("pictures") as around:
        store = boto3.client("s3", endpoint_url=around["AWS_ENDPOINT_URL"], **KEYS)
        store.upload_file(str(colours), "pictures", "colours.zip")
        yield Shared("s3://pictures/colours.zip", "s3://pictures/together", None, around)


@pytest.mark.slow
def test_what_two_pods_of_a_trainjob_train_goes_on_to_a_live_model(
    here: Installation, shared: Shared, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The printed command, in two processes on loopback, with folders here for the volumes."""
    name = f"together-{request.node.callspec.id}"
    document = change(
        {"name": name, "task": "image", "data": {"uri": shared.data}},
        [*SMALL, "model.workers=2"],
    )
    spec = tmp_path / "together.yaml"
    spec.write_text(json.dumps(document))
    pods = [pod_of(load(spec), shared, index, tmp_path) for index in range(2)]
    addresses = ",".join(f"127.0.0.1:{free_port()}" for _ in pods)
    around = {**here.environment, **shared.around, ADDRESSES: addresses}
    trained = [
        subprocess.Popen(
            words,
            env={**around, INDEX: str(index)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for index, words in enumerate(pods)
    ]
    said = [process.communicate(timeout=240)[0].decode() for process in trained]
    assert [process.returncode for process in trained] == [0, 0], said
    taken = ("run", str(spec), "--network", shared.network)
    done = here.kanarya(*taken, "--json", **shared.around)
    result = outcome(done)
    assert (done.returncode, result["outcome"], result["version"]) == (0, "promoted", "1")
    assert result["metrics"]["accuracy"] >= 0.9
    other = here.kanarya(*taken, "--set", "split.random_state=1", **shared.around)
    assert other.returncode == 1
    assert "is not what this run would train: random_state is 42 there and 1 here" in other.stderr


def pod_of(spec: AnySpec, shared: Shared, index: int, folder: Path) -> list[str]:
    """The command of a pod; each has a folder of its own, or all have the volume."""
    assert isinstance(spec, ImageSpec)
    place = trainjob.Place("ml", "pictures" if shared.volume else "", shared.network)
    runtime, _ = trainjob.manifests(spec, replace(place, network="") if shared.volume else place)
    (job,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    (container,) = job["template"]["spec"]["template"]["spec"]["containers"]
    own = shared.volume or folder / f"pod-{index}"
    places = {"python3": sys.executable, "/data": str(own), "/data/train": str(own / "train")}
    # The second one writes nothing.
    places["/data/model"] = str(own / ("nothing" if index else "model"))
    return [places.get(word, word) for word in container["command"]]


@pytest.mark.slow
def test_the_next_network_and_the_live_one_are_asked_the_same_pictures(
    here: Installation, colours: Path, first: dict[str, Any]
) -> None:
    asked = ("split.random_state=7", "gate.champion.margin=0.1", "rollout.max_seconds=5")
    done = here.kanarya(*words(colours, *asked))
    assert (done.returncode, outcome(done)["version"]) == (0, "2"), done.stderr
    version = here.mlflow.get_model_version("colours", "2")
    local = Path(here.mlflow.download_artifacts(version.run_id, "evaluation/scores.json"))
    compared = json.loads(local.read_text())
    live = here.mlflow.get_run(here.mlflow.get_model_version("colours", "1").run_id)
    # The test pictures are the zip's own, so the live network answers as it did when it was new.
    theirs = compared["champion"]
    assert (theirs["version"], compared["rows"]) == ("1", 48)
    assert theirs["metrics"]["accuracy"] == live.data.metrics["accuracy"]
    assert 0.9 <= theirs["agreement"] <= 1
    assert version.tags["kanarya.gate.verdict"] in ("non_inferior", "better")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("name", "least"), [("cifar10-quick", 0.65), ("cifar10", 0.80)])
def test_the_specs_for_cifar_10_reach_what_they_promise(
    here: Installation, name: str, least: float
) -> None:
    if not CIFAR10.is_file():
        pytest.skip(f"{CIFAR10} is missing; put CIFAR-10 as JPEG files there")
    data = f"data.uri={CIFAR10}"
    run = here.begin("run", str(SPECS / f"{name}.yaml"), "--set", data, "--json")
    out, said = run.communicate(timeout=1700)
    assert run.returncode == 0, said
    version = here.mlflow.get_model_version(name, json.loads(out)["version"])
    assert here.mlflow.get_run(version.run_id).data.metrics["accuracy"] >= least
