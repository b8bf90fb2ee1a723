"""What every step asks of a cluster, read by the messages that Kubeflow's backend reads."""

import re
from pathlib import Path
from typing import Any

import pytest
from kfp.kubernetes.kubernetes_executor_config_pb2 import KubernetesExecutorConfig
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineTaskSpec

from pipelines import placing, pods
from pipelines.local import for_one_machine
from tests.pipelines import graphs

STEPS = graphs.steps()
each_step = pytest.mark.parametrize(
    ("pipeline", "step", "task", "label"), STEPS, ids=[f"{each[0]}-{each[1]}" for each in STEPS]
)
DATA = "{{$.inputs.parameters['pipelinechannel--memory']}}"
# step -> tried again, cached, which Secrets it is given
EXPECTED: dict[str, tuple[int, bool, set[str]]] = {
    "ingest": (0, False, {placing.STORE}),
    "validate": (0, False, {placing.MLFLOW, placing.STORE}),
    "validate-images": (0, True, set()),
    "split": (0, True, set()),
    "draw-trials": (0, True, set()),
    "measure-trials": (2, True, set()),
    "choose-trial": (0, False, {placing.MLFLOW}),
    "go-untuned": (0, True, set()),
    "train": (0, False, {placing.MLFLOW}),
    "train-images": (0, False, {placing.MLFLOW, placing.STORE}),
    "evaluate": (2, False, {placing.MLFLOW, placing.STORE}),
    "package": (0, True, set()),
    "servability": (0, False, {placing.MLFLOW}),
    "gate": (0, True, set()),
    "register": (2, False, {placing.MLFLOW, placing.STORE, placing.SIGNING}),
    "reject": (2, False, {placing.MLFLOW}),
    "deploy": (0, False, {placing.MLFLOW, placing.STORE}),
    "finish": (2, False, {placing.MLFLOW}),
    "monitor": (0, False, {placing.MLFLOW, placing.STORE}),
}
LIGHT = {"draw-trials", "choose-trial", "go-untuned", "register", "reject", "deploy", "finish"}
LIGHT |= {"monitor"}


def expected(step: str) -> tuple[int, bool, set[str]]:
    return EXPECTED[step] if step in EXPECTED else EXPECTED[step.removesuffix("-images")]


@each_step
def test_a_step_is_tried_again_only_where_it_refuses_nothing(
    pipeline: str, step: str, task: PipelineTaskSpec, label: str
) -> None:
    retries = expected(step)[0]
    assert task.retry_policy.max_retry_count == retries
    if retries:
        assert task.retry_policy.backoff_duration.seconds == 30
        assert task.retry_policy.backoff_factor == 2.0
        # Argo ends a later try when this has passed since the start of the first.
        allowed = graphs.pod(pipeline, label).active_deadline_seconds
        assert task.retry_policy.backoff_max_duration.seconds >= (retries + 1) * allowed + 90


@each_step
def test_a_step_is_answered_from_a_cache_only_where_nothing_outside_counts(
    pipeline: str, step: str, task: PipelineTaskSpec, label: str
) -> None:
    assert task.caching_options.enable_cache is expected(step)[1]


@each_step
def test_a_step_says_what_it_needs_and_the_most_that_it_takes(
    pipeline: str, step: str, task: PipelineTaskSpec, label: str
) -> None:
    given = graphs.container(pipeline, label)["resources"]
    sizes = {given[f"resource{kind}"] for kind in ("MemoryRequest", "MemoryLimit")}
    assert sizes == ({"512Mi", "2Gi"} if step in LIGHT else {DATA})
    assert {"resourceCpuRequest", "resourceCpuLimit"} <= set(given)
    if step not in LIGHT:  # KFP reads a parameter of the step's own group
        assert task.inputs.parameters["pipelinechannel--memory"].component_input_parameter
        assert task.inputs.parameters["pipelinechannel--cpu"].component_input_parameter


@each_step
def test_a_pod_is_nobody_special_and_ends(
    pipeline: str, step: str, task: PipelineTaskSpec, label: str
) -> None:
    pod = graphs.pod(pipeline, label)
    who = pod.security_context
    assert (who.run_as_user, who.run_as_group, who.run_as_non_root) == (50000, 50000, True)
    assert 3600 <= pod.active_deadline_seconds <= 30 * 24 * 3600
    assert [(each.mount_path, each.medium) for each in pod.empty_dir_mounts] == [("/tmp", "")]
    assert pod.image_pull_policy == "IfNotPresent"
    labels = dict(pod.pod_metadata.labels)
    assert labels == {
        "app.kubernetes.io/part-of": "kanarya",
        "app.kubernetes.io/component": step.removesuffix("-images"),
    }
    told = {each["name"]: each["value"] for each in graphs.container(pipeline, label)["env"]}
    assert told == {"KANARYA_STEP": step, "KANARYA_HOME": "/tmp/kanarya"}


@each_step
def test_a_pod_has_its_settings_and_only_the_secrets_that_it_needs(
    pipeline: str, step: str, task: PipelineTaskSpec, label: str
) -> None:
    pod = graphs.pod(pipeline, label)
    needed, welcome = pod.config_map_as_env
    assert {needed.config_map_name, welcome.config_map_name} == {"kanarya-config"}
    assert (needed.optional, welcome.optional) == (False, True)
    given = {each.config_map_key: each.env_var for each in needed.key_to_env}
    assert given == placing.NEEDED
    secrets = [*pod.secret_as_env, *pod.secret_as_volume]
    assert {each.secret_name for each in secrets} == expected(step)[2]
    assert all(each.optional for each in secrets)
    assert all(each.env_var not in twice(pod) for each in variables(pod))


def variables(pod: KubernetesExecutorConfig) -> list[Any]:
    """Every variable that a pod gets of a ConfigMap or a Secret."""
    sources = [*pod.config_map_as_env, *pod.secret_as_env]
    return [each for source in sources for each in source.key_to_env]


def twice(pod: KubernetesExecutorConfig) -> set[str]:
    """Variables that are set twice: a pod with one of them is refused by Kubernetes.

    Kubeflow sets some itself: those of its MLflow integration, of a proxy, of a CA bundle.
    """
    names = [each.env_var for each in variables(pod)]
    kubeflow = {"MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "SSL_CERT_FILE"}
    kubeflow |= {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"}
    return {name for name in names if names.count(name) > 1} | kubeflow & set(names)


@pytest.mark.parametrize("pipeline", graphs.NAMES)
def test_no_parameter_is_a_secret_and_each_has_a_description(pipeline: str) -> None:
    secret = re.compile("password|token|secret|credential|access_key|private", re.IGNORECASE)
    for name, parameter in graphs.parameters(pipeline).items():
        assert not secret.search(name)
        assert len(parameter["description"]) > 8, name
        asked = name in ("name", "data_uri", "target")
        assert asked or "defaultValue" in parameter or parameter.get("isOptional")


@pytest.mark.parametrize("pipeline", graphs.NAMES)
def test_a_finished_workflow_goes_away_by_itself(pipeline: str) -> None:
    kept = graphs.documents(pipeline)[1]["platforms"]["kubernetes"]["pipelineConfig"]
    assert kept == {"resourceTtlOnSuccess": 172800, "resourceTtlOnFailure": 1209600}
    assert "kubernetes" in graphs.platform(pipeline).platforms


@pytest.mark.parametrize("pipeline", graphs.NAMES)
def test_every_executor_has_a_pod_and_every_step_a_name_for_people(pipeline: str) -> None:
    placed = graphs.documents(pipeline)[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(placed) == set(graphs.documents(pipeline)[0]["deploymentSpec"]["executors"])
    titles = [task.task_info.name for _, task, _ in graphs.tasks(pipeline)]
    assert all(title[0].isupper() for title in titles)
    assert len(set(titles)) == len(titles)


def test_the_training_of_pictures_may_be_led_to_gpus() -> None:
    (task, label) = next((t, at) for _, step, t, at in STEPS if step == "train-images")
    gpu = graphs.container("image", label)["resources"]["accelerator"]
    assert gpu["resourceType"] == "nvidia.com/gpu"
    assert gpu["resourceCount"] == "{{$.inputs.parameters['pipelinechannel--gpus']}}"
    pod = graphs.pod("image", label)
    selector = pod.node_selector.node_selector_json.component_input_parameter
    bears = [each.toleration_json.component_input_parameter for each in pod.tolerations]
    assert selector == "pipelinechannel--node_selector"
    assert bears == ["pipelinechannel--tolerations"]
    assert "pipelinechannel--gpus" in task.inputs.parameters


@pytest.mark.parametrize("pipeline", graphs.NAMES)
@pytest.mark.parametrize("name", ["cpu", "memory", "gpus"])
def test_quantities_are_texts_because_kubeflow_reads_no_number_there(
    pipeline: str, name: str
) -> None:
    parameter = graphs.parameters(pipeline).get(name)
    assert parameter is None or parameter["parameterType"] == "STRING"


@pytest.mark.parametrize("pipeline", graphs.NAMES)
def test_one_machine_tries_nothing_again_and_reads_nothing_for_kubernetes(pipeline: str) -> None:
    import yaml

    from pipelines import compile as compiled

    text = compiled.path(pipeline).read_text()
    alone = yaml.load(for_one_machine(text), yaml.CSafeLoader)
    whole = graphs.documents(pipeline)[0]
    assert ("retryPolicy" in text) is (pipeline != "monitoring")
    assert "retryPolicy" not in str(alone)
    assert set(alone["components"]) == set(whole["components"])
    for label, each in whole["deploymentSpec"]["executors"].items():
        ours = alone["deploymentSpec"]["executors"][label]["container"]
        assert [env["name"] for env in ours["env"]] == ["KANARYA_STEP"]
        assert {**ours, "env": 0} == {**each["container"], "env": 0}


def test_the_names_are_those_of_the_document() -> None:
    root = Path(pods.__file__).resolve().parents[1]
    text = (root / "docs" / "kubeflow.md").read_text(encoding="utf-8")
    names = [placing.CONFIG, placing.MLFLOW, placing.STORE, placing.SIGNING, placing.ACCOUNT]
    keys = [*placing.NEEDED, *placing.WELCOME, *placing.FOLDERS.values()]
    keys += [key for keys_of in placing.KEYS.values() for key in keys_of]
    assert [word for word in names + keys if f"`{word}`" not in text] == []
