"""Training by several pods as a TrainJob: Trainer's fields, and a command that we understand."""

from typing import Any

import pytest
from click.testing import CliRunner

from components import assigned
from components.train import __main__ as training
from components.workers import ADDRESSES, INDEX, Workers
from pipelines import trainjob
from pipelines.spec import ImageSpec, parse
from scripts.spec import spec as command
from serving.errors import UsageError

DOCUMENT = {
    "name": "cifar",
    "task": "image",
    "data": {"uri": "keras://cifar10"},
    "model": {"workers": 3, "hyperparameters": {"epochs": 7}},
}


def printed(network: str = "", **model: object) -> list[dict[str, Any]]:
    found = parse({**DOCUMENT, "model": {**DOCUMENT["model"], **model}}, "cifar.yaml")  # type: ignore[dict-item]
    assert isinstance(found, ImageSpec)
    return trainjob.manifests(found, trainjob.Place("ml", "pictures", network))


def container(runtime: dict[str, Any]) -> dict[str, Any]:
    (job,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    # By these names Trainer finds the Job whose pods it counts, and the container it hands on to.
    assert job["name"] == "node"
    labels = job["template"]["metadata"]["labels"]
    assert labels == {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
    (found,) = job["template"]["spec"]["template"]["spec"]["containers"]
    assert found["name"] == "node"
    return dict(found)


def test_the_job_asks_for_as_many_pods_as_the_runtime_names() -> None:
    runtime, job = printed()
    assert (runtime["kind"], job["kind"]) == ("TrainingRuntime", "TrainJob")
    assert job["spec"]["runtimeRef"]["name"] == runtime["metadata"]["name"]
    assert runtime["spec"]["mlPolicy"] == {"numNodes": 3}
    assert job["spec"]["trainer"] == {"numNodes": 3}
    assert {each["metadata"]["namespace"] for each in (runtime, job)} == {"ml"}


@pytest.mark.parametrize("index", [0, 2])
def test_every_pod_knows_its_own_address(index: int) -> None:
    runtime, job = printed()
    found = container(runtime)
    env = {each["name"]: each["value"] for each in found["env"] if "value" in each}
    assert ADDRESSES in env
    worker = Workers.from_env({**env, INDEX: str(index)})
    assert worker.count == 3
    name = job["metadata"]["name"]
    # JobSet's: https://jobset.sigs.k8s.io/docs/concepts/ (jobset-job-0-pod.jobset).
    assert worker.addresses[index] == f"{name}-node-0-{index}.{name}:29500"
    assert found["ports"] == [{"containerPort": 29500}]


def test_the_command_of_a_pod_is_one_that_trains() -> None:
    runtime, _ = printed()
    words = container(runtime)["command"]
    assert words[:3] == ["python3", "-m", "components.train"]
    given = training._parser().parse_args(words[3:])
    assert (given.name, given.kind, str(given.train)) == ("cifar", "cnn", "/data/train")
    hyperparameters = assigned.hyperparameters(given.hyperparameters)
    assert hyperparameters["epochs"] == 7
    assert hyperparameters["flip"] is True


def test_the_network_goes_to_a_bucket_whose_keys_the_pods_may_have() -> None:
    runtime, _ = printed("gs://models/cifar-train")
    found = container(runtime)
    given = training._parser().parse_args(found["command"][3:])
    assert given.publish == "gs://models/cifar-train"
    assert "--publish" not in container(printed()[0])["command"]
    keys = {each["name"]: each["valueFrom"] for each in found["env"] if "valueFrom" in each}
    assert keys["AWS_SECRET_ACCESS_KEY"]["secretKeyRef"]["name"] == "kanarya-store"
    assert all(each["secretKeyRef"]["optional"] for each in keys.values())


def test_a_spec_that_takes_a_network_needs_no_job() -> None:
    model = {"workers": 3, "network": "gs://models/cifar-train"}
    found = parse({**DOCUMENT, "model": model}, "cifar.yaml")
    assert isinstance(found, ImageSpec)
    with pytest.raises(UsageError, match=r"nothing to train; leave model\.network out"):
        trainjob.manifests(found, trainjob.Place("ml", "pictures"))


def test_one_worker_needs_no_job() -> None:
    with pytest.raises(UsageError, match=r"a pipeline run is enough; set model\.workers"):
        printed(workers=1)


def test_a_model_of_a_table_is_refused(tmp_path: Any) -> None:
    path = tmp_path / "iris.yaml"
    path.write_text("name: iris\ndata: {uri: gs://b/iris.csv, target: species}\n")
    ended = CliRunner().invoke(command, ["trainjob", str(path), "--claim", "data"])
    assert isinstance(ended.exception, UsageError)
    assert "only networks of images" in str(ended.exception)
