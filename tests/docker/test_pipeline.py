"""The compiled pipelines run by kfp.local in the images, from a table and from pictures to serving.

A step's container has the rights of a pod: a user without any, a root it cannot write, a /tmp. It
reaches MLflow (its own image) and the control plane on loopback, so it stands on this host's
network, with a kubeconfig and the model store mounted; on a cluster those are a Service, a
ServiceAccount and a bucket.
"""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pipelines import trainjob
from pipelines.spec import ImageSpec, change, load, parse, pipeline_arguments
from serving.isvc.client import connect
from serving.local.platform import Ports, down, up
from serving.settings import Settings
from tests.components.pictures import COLOURS, encoded, parts, shade, zipped
from tests.components.web import over_http
from tests.docker.engine import (
    ROOT,
    docker,
    given,
    image,
    inspected,
    running,
    until_healthy,
    user,
)
from tests.docker.graphs import BEFORE_THE_GATE, Place, ask, called, graph, outputs_of, posted, run

pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore:Task .* settings:UserWarning"),  # only a cluster has them
]
SPECS = ROOT / "pipelines" / "specs"
PASSED = ["gate", "register", "deploy"]
MOST_OF_A_WATCHER = 600 * 10**6
SMALL = {"epochs": 4, "width": 8, "batch_size": 8, "validation_size": 0.1}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings.from_env({"KANARYA_HOME": str(home)})
    for folder in (settings.model_store, settings.ledger, str(home / "mlflow"), str(home / "data")):
        given(Path(folder))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = ("--network", "host", "--volume", f"{home / 'mlflow'}:/mlflow")
    flags += ("--env", "MLFLOW_HOST=127.0.0.1", "--env", f"MLFLOW_PORT={port}", "--user", user())
    with running(image("mlflow"), flags=flags) as server:
        up(settings, Ports(0, 0))
        try:
            until_healthy(server)
            yield Place(settings, f"http://127.0.0.1:{port}", home)
        finally:
            down(settings)


def test_a_table_becomes_a_live_version_in_the_containers(place: Place, tmp_path: Path) -> None:
    spec = load(SPECS / "iris.yaml", ["rollout.steps=[100]"])
    data = shutil.copy(SPECS / "iris.csv", place.folder / "data" / "iris.csv")
    arguments = {**pipeline_arguments(spec), "data_uri": str(data), "run_key": "in-containers"}
    ran = run(place, graph("tabular", tmp_path), arguments)
    steps = [*BEFORE_THE_GATE, *PASSED]
    assert set(steps) <= set(ran.outputs)
    assert "reject" not in ran.outputs
    assert ran.outputs["gate"]["parameterValues"]["Output"] is True
    # go-untuned and finish write no outputs of their own, or none that is kept.
    assert set(ran.containers) == {(called("components-python"), "0")}
    assert ran.containers.total() >= len(steps) + 1
    outcome = json.loads(ran.outputs["deploy"]["parameterValues"]["Output"])
    assert (outcome["outcome"], outcome["live"]) == ("promoted", "1")
    require_champion(place, "iris")
    assert ask(place, "iris", "1", [[6.3, 3.3, 6.0, 2.5], [5.1, 3.5, 1.4, 0.2]]) == [
        "virginica",
        "setosa",
    ]


def test_a_watcher_in_the_consoles_image_sees_what_it_is_asked(
    place: Place, record_property: Any
) -> None:
    """Of iris, which the test above has brought live."""
    view = connect(place.settings.kubeconfig, place.settings.namespace).get("iris")
    assert view is not None
    rows = json.dumps({"instances": [[9.0, 3.0, 4.5, 1.4]] * 120}).encode()
    posted(f"{view.url}/v1/models/iris:predict", rows)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    looks = place.settings.ledger.replace("ledger", "windows")
    own = {"KANARYA_SPECS": "/tmp/none", "KANARYA_WATCHER_PORT": str(port)}
    around = {**place.environment(), **own, "KFP_HOST": "http://127.0.0.1:1"}
    flags = ("--network", "host", "--entrypoint", "python", *_variables(around))
    flags += ("--tmpfs", f"/kanarya:size=64m,uid={user().partition(':')[0]}")
    flags += ("--volume", f"{place.folder / 'kubeconfig-for-steps'}:/kubeconfig:ro")
    flags += ("--volume", f"{place.settings.model_store}:{place.settings.model_store}:ro")
    flags += ("--volume", f"{given(Path(looks))}:{looks}", "--user", user())
    program = ("-P", "-m", "pipelines.watching_cluster")
    with running(image("console"), *program, flags=flags) as name:
        page = _until_it_says(f"http://127.0.0.1:{port}/metrics", b"kanarya_window_drifted{")
        assert b'kanarya_window_drifted{model="iris",version="1"} 1.0' in page
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").status == 200
        status = docker("exec", name, "cat", "/proc/1/status").stdout
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        resident = int(fields["VmRSS"].split()[0]) * 1024
        record_property("resident_bytes", resident)
        print(f"the watcher: {resident / 1e6:.0f} MB")
        assert resident < MOST_OF_A_WATCHER
        docker("stop", "--time", "20", name)
        assert inspected(name)["State"]["ExitCode"] == 0
        said = docker("logs", name)
        assert "Traceback" not in said.stderr
        assert "KanaryaDrift: iris version 1 is asked other data" in said.stderr


def _variables(around: Mapping[str, str]) -> list[str]:
    return [word for name, value in around.items() for word in ("--env", f"{name}={value}")]


def _until_it_says(url: str, words: bytes) -> bytes:
    end = time.monotonic() + 240
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=10) as answer:
            page = bytes(answer.read())
            if words in page:
                return page
        assert time.monotonic() < end, f"{url} does not say {words!r}"
        time.sleep(0.5)


def test_a_pod_of_a_trainjob_reads_pictures_itself_and_trains(place: Place, tmp_path: Path) -> None:
    """The printed command in the image for pictures; nobody else trains beside it here."""
    zipped(tmp_path / "colours.zip", parts(30, 8, (16, 16)))
    spec = load(SPECS / "cifar10-quick.yaml", [f"model.hyperparameters={json.dumps(SMALL)}"])
    with over_http(tmp_path) as address:
        asked = change(
            spec.model_dump(mode="json"),
            ["name=pods", f"data.uri={address}/colours.zip", "model.workers=2"],
        )
        reading = parse(asked, "pods")
        assert isinstance(reading, ImageSpec)
        runtime, _ = trainjob.manifests(reading, trainjob.Place("ml", network="s3://b/net"))
        (job,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
        (container,) = job["template"]["spec"]["template"]["spec"]["containers"]
        words = [word for word in container["command"] if word not in ("--publish", "s3://b/net")]
        flags = ("--network", "host", "--user", user(), *_variables(place.environment()))
        flags += ("--tmpfs", f"/data:size=256m,uid={user().partition(':')[0]}")
        with running(called("images-python"), *words, flags=flags) as name:
            docker("wait", name)
            said = docker("logs", name)
            assert inspected(name)["State"]["ExitCode"] == 0, said.stdout + said.stderr
    assert "epoch 4 of 4" in said.stdout
    from mlflow import MlflowClient

    run_id = said.stdout.rpartition("run: ")[2].strip()
    assert MlflowClient(place.tracking, place.tracking).get_run(run_id).info.status == "FINISHED"


def test_pictures_become_a_live_network_in_the_containers(place: Place, tmp_path: Path) -> None:
    source = zipped(place.folder / "data" / "colours.zip", parts(30, 8, (16, 16)))
    spec = load(
        SPECS / "cifar10-quick.yaml",
        [
            "name=colours",
            f"data.uri={source}",
            f"model.hyperparameters={json.dumps(SMALL)}",
            "rollout.steps=[100]",
        ],
    )
    arguments = {**pipeline_arguments(spec), "run_key": "pictures-in-containers"}
    ran = run(place, graph("image", tmp_path), arguments)
    of_images = [f"{step}-images" for step in BEFORE_THE_GATE[:-1]]
    assert {*of_images, "servability", *PASSED} <= set(ran.outputs)
    assert set(ran.containers) == {
        (called("components-python"), "0"),
        (called("images-python"), "0"),
    }
    assert ran.containers[called("images-python"), "0"] == len(of_images)
    require_champion(place, "colours")
    pictures = [encoded(shade(colour, 99, (16, 16))) for colour in COLOURS.values()]
    instances = [{"b64": base64.b64encode(each).decode()} for each in pictures]
    assert ask(place, "colours", "1", instances) == [*COLOURS]


def require_champion(place: Place, name: str) -> None:
    """The registry and the control plane agree that version 1 serves all of the traffic."""
    from mlflow import MlflowClient

    champion = MlflowClient(place.tracking, place.tracking).get_model_version_by_alias(
        name, "champion"
    )
    assert champion.version == "1"
    view = connect(place.settings.kubeconfig, place.settings.namespace).get(name)
    assert view is not None
    assert [share.percent for share in view.traffic] == [100]


def test_a_step_that_fails_ends_the_run_with_its_own_sentence(
    place: Place, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = load(SPECS / "iris.yaml")
    arguments = {**pipeline_arguments(spec), "data_uri": "/nowhere.csv", "run_key": "nothing"}
    pipeline = graph("tabular", tmp_path).rename(tmp_path / "failing.yaml")
    # kfp.local may say SUCCESS of it (see graphs.run), and then misses what the step did not make.
    with contextlib.suppress(RuntimeError, ValueError):
        run(place, pipeline, arguments)
    assert "error: " in capfd.readouterr().out
    assert "train" not in outputs_of(place.folder / "runs" / "failing")
