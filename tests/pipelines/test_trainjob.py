"""Training by several pods as a TrainJob: Trainer's fields, and a command that we understand."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from components import assigned, image_dataset
from components.ingest import image_step as ingest
from components.split import image_step as split
from components.split.rules import Choice
from components.train import __main__ as training
from components.workers import ADDRESSES, INDEX, Workers
from pipelines import trainjob, trainjob_pod
from pipelines.job_pod import LOCKED
from pipelines.spec import ImageSpec, parse
from scripts.spec import spec as command
from serving.errors import UsageError
from tests.components.pictures import collection, zipped
from tests.components.web import over_http
from tests.manifests.rendered import of_kind

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


def pod_of(runtime: dict[str, Any]) -> dict[str, Any]:
    (job,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    return dict(job["template"]["spec"]["template"]["spec"])


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


def test_the_pods_get_what_the_spec_gives_its_training() -> None:
    toleration = {"key": "nvidia.com/gpu", "operator": "Exists"}
    nodes = {"cloud.google.com/gke-accelerator": "nvidia-l4"}
    pods = {"cpu": 6, "memory": "24Gi", "gpus": 2, "node_selector": nodes}
    found = parse({**DOCUMENT, "pods": {**pods, "tolerations": [toleration]}}, "cifar.yaml")
    assert isinstance(found, ImageSpec)
    runtime, _ = trainjob.manifests(found, trainjob.Place("ml", "pictures"))
    size = {"cpu": "6", "memory": "24Gi", "nvidia.com/gpu": "2"}
    assert container(runtime)["resources"] == {"requests": size, "limits": size}
    pod = pod_of(runtime)
    assert (pod["nodeSelector"], pod["tolerations"]) == (nodes, [toleration])
    usual = printed()[0]
    assert container(usual)["resources"]["limits"] == {"cpu": "4", "memory": "8Gi"}
    assert not {"nodeSelector", "tolerations"} & pod_of(usual).keys()


def test_a_pod_passes_the_restricted_standard() -> None:
    runtime, _ = printed()
    assert container(runtime)["securityContext"] == LOCKED
    written = [each for each in container(runtime)["volumeMounts"] if not each.get("readOnly")]
    assert {each["mountPath"] for each in written} == {"/data", "/tmp"}
    told = {each["name"]: each.get("value") for each in container(runtime)["env"]}
    assert (told["HOME"], told["KANARYA_HOME"]) == ("/tmp", "/tmp/kanarya")


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


NOWHERE = {"gs": "gs://b/x.zip", "http": "https://host/x.zip", "keras": "keras://cifar10"}


def reading(uri: str, **changed: Any) -> ImageSpec:
    found = parse({**DOCUMENT, "data": {"uri": uri, **changed}}, "cifar.yaml")
    assert isinstance(found, ImageSpec)
    return found


@pytest.mark.parametrize("uri", NOWHERE.values(), ids=NOWHERE)
def test_without_a_claim_each_pod_reads_what_the_spec_names(uri: str) -> None:
    spec = reading(uri, image_size=[8, 9])
    runtime, _ = trainjob.manifests(spec, trainjob.Place("ml", network="s3://b/net"))
    found = container(runtime)
    assert found["command"][:3] == ["python3", "-m", "pipelines.trainjob_pod"]
    given, others = trainjob_pod._parser().parse_known_args(found["command"][3:])
    assert json.loads(given.data) == {"uri": uri, "image_size": [8, 9], "channels": None}
    assert json.loads(given.split)["random_state"] == spec.split.random_state
    trains = training._parser().parse_args(["--train", "here", *others])
    assert (str(given.folder), str(trains.model)) == ("/data", "/data/model")
    assert (trains.publish, trains.random_state) == ("s3://b/net", 42)
    assert assigned.hyperparameters(trains.hyperparameters)["epochs"] == 7
    (job,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    volumes = job["template"]["spec"]["template"]["spec"]["volumes"]
    assert {"name": "data", "emptyDir": {}} in volumes


def test_the_pods_have_the_account_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cifar.yaml"
    path.write_text(json.dumps({**DOCUMENT, "data": {"uri": "gs://b/x.zip"}}))
    words = ["trainjob", str(path), "--network", "gs://b/net"]
    monkeypatch.setenv("KFP_SERVICE_ACCOUNT", "kanarya-pipeline")
    for more, account in (((), "kanarya-pipeline"), (("--service-account", "own"), "own")):
        said = CliRunner().invoke(command, [*words, *more])
        assert said.exit_code == 0, said.output
        runtime, _ = yaml.safe_load_all(said.stdout)
        (job,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
        assert job["template"]["spec"]["template"]["spec"]["serviceAccountName"] == account


LOST = {
    "data of this machine": ("/here/x.zip", "s3://b/net", "on this machine, where no pod"),
    "no place for the network": ("gs://b/x.zip", "", "would go with the pods that have trained it"),
}


@pytest.mark.parametrize(("uri", "network", "said"), LOST.values(), ids=LOST)
def test_without_a_claim_nothing_may_be_of_this_machine(uri: str, network: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        trainjob.manifests(reading(uri), trainjob.Place("ml", network=network))
    assert trainjob.manifests(reading(uri), trainjob.Place("ml", "pictures", network))


def test_a_pod_has_the_training_part_that_a_run_has(tmp_path: Path) -> None:
    source = zipped(tmp_path / "colours.zip", collection(8))
    ingest.run(str(source), ingest.Request((6, 6)), tmp_path / "images")
    split.run(tmp_path / "images", Choice(0.2, 42), tmp_path / "train", tmp_path / "test")
    with over_http(tmp_path) as address:
        spec = reading(f"{address}/{source.name}", image_size=[6, 6])
        found = trainjob_pod.training_part(spec.data, spec.split, tmp_path / "pod")
    theirs, ours = (image_dataset.read(each) for each in (tmp_path / "train", found))
    assert image_dataset.digest(ours) == image_dataset.digest(theirs)
    assert ours.schema.sha256 == theirs.schema.sha256
    assert [each.name for each in (tmp_path / "pod").iterdir()] == ["train"]


def test_a_pod_that_finds_no_pictures_says_so_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    with over_http(tmp_path) as address, pytest.raises(SystemExit):
        asked = trainjob_pod.options(reading(f"{address}/rows.csv"), str(tmp_path / "pod"))
        trainjob_pod.main([word for pair in asked.items() for word in pair])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: http://127.0.0.1:") and "neither a folder nor a zip" in line


def test_the_pods_are_let_through_by_their_labels() -> None:
    runtime, _ = printed()
    (job,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    labels = job["template"]["spec"]["template"]["metadata"]["labels"]
    (policy,) = of_kind("overlays/production", "NetworkPolicy", "kanarya-trainjobs")
    assert policy["spec"]["podSelector"]["matchLabels"] == labels
    assert {"protocol": "TCP", "port": trainjob.PORT} in policy["spec"]["ingress"][0]["ports"]


def test_an_image_that_no_cluster_can_fetch_is_told_beside_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cifar.yaml"
    path.write_text(json.dumps({**DOCUMENT, "data": {"uri": "gs://b/x.zip"}}))
    words = ["trainjob", str(path), "--network", "gs://b/net"]
    monkeypatch.delenv("KANARYA_IMAGES_IMAGE", raising=False)
    assert (
        "is in no registry; name yours in KANARYA_IMAGES_IMAGE"
        in CliRunner().invoke(command, words).stderr
    )
    monkeypatch.setenv("KANARYA_IMAGES_IMAGE", "registry.example/images-python:0a1b2c3")
    said = CliRunner().invoke(command, words)
    assert (said.stderr, said.exit_code) == ("", 0)


def test_a_model_of_a_table_is_refused(tmp_path: Any) -> None:
    path = tmp_path / "iris.yaml"
    path.write_text("name: iris\ndata: {uri: gs://b/iris.csv, target: species}\n")
    ended = CliRunner().invoke(command, ["trainjob", str(path), "--claim", "data"])
    assert isinstance(ended.exception, UsageError)
    assert "only networks of images" in str(ended.exception)
