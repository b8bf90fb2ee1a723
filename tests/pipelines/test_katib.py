"""A search as an Experiment of Katib: the fields of its API, and a command that really measures."""

import pytest

from components.tune import __main__ as trial
from pipelines import katib, spec
from pipelines.job_pod import LOCKED
from serving.errors import UsageError
from tests.components import tables
from tests.manifests.rendered import of_kind

DOCUMENT = {
    "name": "iris",
    "data": {"uri": "iris.csv", "target": "species"},
    "model": {"kind": "svm", "hyperparameters": {"tol": 0.01, "C": 3}},
}
SPACE = {"C": {"low": 0.1, "high": 10, "log": True}, "gamma": ["scale", 0.1]}


def experiment(**tune: object) -> dict:
    parsed = spec.parse({**DOCUMENT, "tune": {"space": SPACE, **tune}}, "iris.yaml")
    return katib.experiment(parsed, "ml", "iris-data")


def test_ranges_and_values_become_what_katib_draws_from() -> None:
    made = experiment(metric="log_loss", trials=12, pods=3)
    assert (made["apiVersion"], made["kind"]) == ("kubeflow.org/v1beta1", "Experiment")
    asked = made["spec"]
    assert asked["objective"] == {"type": "minimize", "objectiveMetricName": "log_loss"}
    assert (asked["parallelTrialCount"], asked["maxTrialCount"]) == (3, 12)
    assert asked["parameters"] == [
        {
            "name": "C",
            "parameterType": "double",
            "feasibleSpace": {"min": "0.1", "max": "10", "distribution": "logUniform"},
        },
        {
            "name": "gamma",
            "parameterType": "categorical",
            "feasibleSpace": {"list": ['"scale"', "0.1"]},
        },
    ]


def test_the_command_of_a_trial_measures_what_katib_fills_in(tmp_path, capsys) -> None:
    table = tables.write(tmp_path / "train", tables.iris())
    template = experiment(cv=2)["spec"]["trialTemplate"]
    container = template["trialSpec"]["spec"]["template"]["spec"]["containers"][0]
    words = [str(table) if word == "/data/train" else word for word in container["command"][3:]]
    for name, value in (("C", "1.5"), ("gamma", '"scale"')):
        assert {"name": name, "reference": name} in template["trialParameters"]
        words = [word.replace(f"${{trialParameters.{name}}}", value) for word in words]
    trial.main(words)
    last = capsys.readouterr().out.splitlines()[-1]
    name, _, value = last.partition("=")
    assert name == "accuracy" and 0.8 < float(value) <= 1


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (DOCUMENT, "iris has no tune section"),
        ({**DOCUMENT, "tune": {"method": "halving", "space": SPACE}}, "no successive halving"),
    ],
)
def test_what_katib_cannot_search_is_refused(document, said) -> None:
    with pytest.raises(UsageError, match=said):
        katib.experiment(spec.parse(document, "iris.yaml"), "ml", "iris-data")


def test_a_trial_gets_what_the_spec_gives_a_step_and_may_no_more_than_one() -> None:
    parsed = spec.parse(
        {**DOCUMENT, "tune": {"space": SPACE}, "pods": {"cpu": 3, "memory": "6Gi"}}, "iris.yaml"
    )
    job = katib.experiment(parsed, "ml", "iris-data")["spec"]["trialTemplate"]["trialSpec"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    size = {"cpu": "3", "memory": "6Gi"}
    assert container["resources"] == {"requests": size, "limits": size}
    assert container["securityContext"] == LOCKED
    assert "securityContext" not in pod, "Katib's own container beside it runs as root"
    mounts = {each["name"] for each in container["volumeMounts"]}
    assert mounts == {each["name"] for each in pod["volumes"]}


def test_trials_are_let_through_by_their_labels() -> None:
    job = experiment()["spec"]["trialTemplate"]["trialSpec"]["spec"]
    (policy,) = of_kind("overlays/production", "NetworkPolicy", "kanarya-trials")
    assert policy["spec"]["podSelector"]["matchLabels"] == job["template"]["metadata"]["labels"]
    (asked,) = of_kind("overlays/production", "NetworkPolicy", "kanarya-suggestions")
    ports = [port for rule in asked["spec"]["ingress"] for port in rule["ports"]]
    assert ports == policy["spec"]["egress"][0]["ports"] == [{"protocol": "TCP", "port": 6789}]
