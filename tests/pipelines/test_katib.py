"""A search as an Experiment of Katib: the fields of its API, and a command that really measures."""

import json
import shlex

import pytest

from components import assigned
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
            "feasibleSpace": {"list": [r"\"scale\"", "0.1"]},
        },
    ]


def filled_in(template: dict, **values: str) -> list[str]:
    """The words that a trial's shell sees: as Katib fills in the Job, and wraps its command."""
    text = json.dumps(template["trialSpec"])
    for each in template["trialParameters"]:
        text = text.replace(f"${{trialParameters.{each['name']}}}", values[each["reference"]])
    container = json.loads(text)["spec"]["template"]["spec"]["containers"][0]
    shell, option, *words = container["command"]
    assert (shell, option) == ("sh", "-c")
    return shlex.split(" ".join([*words, "1>/var/log/katib/metrics.log 2>&1"]))[:-2]


def drawn(made: dict) -> dict[str, list[str]]:
    spaces = {each["name"]: each["feasibleSpace"] for each in made["spec"]["parameters"]}
    return {name: space.get("list") or [space["min"]] for name, space in spaces.items()}


def test_the_command_of_a_trial_measures_what_katib_fills_in(tmp_path, capsys) -> None:
    table = tables.write(tmp_path / "train", tables.iris())
    made = experiment(cv=2)
    values = {name: listed[0] for name, listed in drawn(made).items()}
    words = filled_in(made["spec"]["trialTemplate"], **values)
    assert words[:3] == ["python3", "-m", "components.tune"] and 'gamma="scale"' in words
    trial.main([str(table) if word == "/data/train" else word for word in words[3:]])
    last = capsys.readouterr().out.splitlines()[-1]
    name, _, value = last.partition("=")
    assert name == "accuracy" and 0.8 < float(value) <= 1


def test_values_of_every_type_survive_katib_and_the_shell() -> None:
    space = {"hidden_layer_sizes": [[32, 16], [8]], "activation": ["relu", "tanh"], "alpha": [0.1]}
    fixed = {"kind": "mlp", "hyperparameters": {"learning_rate": 0.01}}
    parsed = spec.parse({**DOCUMENT, "model": fixed, "tune": {"space": space}}, "iris.yaml")
    made = katib.experiment(parsed, "ml", "data")
    for turn in (0, -1):
        values = {name: listed[turn] for name, listed in drawn(made).items()}
        words = filled_in(made["spec"]["trialTemplate"], **values)
        found = assigned.hyperparameters(word for word in words if "=" in word)
        assert found == {
            "learning_rate": 0.01, **{name: value[turn] for name, value in space.items()}
        }  # fmt: skip


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
