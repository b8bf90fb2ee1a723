import json
import re
from pathlib import Path

import pytest

from pipelines import spec
from pipelines.pods_spec import pods_arguments
from serving.errors import UsageError
from serving.rollout.policy import Policy
from tests.pipelines.graphs import parameters as parameters_of
from tests.pipelines.specs import PICTURES, SMALL


def test_a_small_spec_gets_defaults() -> None:
    parsed = spec.parse(SMALL, "a.yaml")
    assert (parsed.model.kind, parsed.split.test_size) == ("random_forest", 0.2)
    assert parsed.rollout.steps == (10, 25, 50, 100)


def test_a_small_spec_of_pictures_gets_defaults() -> None:
    parsed = spec.parse(PICTURES, "a.yaml")
    assert (parsed.model.kind, parsed.gate.floor) == ("cnn", {"accuracy": 0.6})
    given = spec.pipeline_arguments(parsed)
    assert (given["data_uri"], given["image_size"], given["channels"]) == ("pets.zip", [], 0)
    sized = {**PICTURES, "data": {"uri": "a", "image_size": [64, 48], "channels": 1}}
    given = spec.pipeline_arguments(spec.parse(sized, "a.yaml"))
    assert (given["image_size"], given["channels"]) == ([64, 48], 1)
    assert given["network"] == ""


@pytest.mark.parametrize(
    ("network", "wanted"),
    [("nets/pets", "{folder}/nets/pets"), ("gs://b/pets", "gs://b/pets"), ("", "")],
)
def test_a_trained_network_is_found_beside_the_spec(
    network: str, wanted: str, tmp_path: Path
) -> None:
    path = tmp_path / "pets.yaml"
    path.write_text(json.dumps({**PICTURES, "model": {"network": network}}))
    given = spec.pipeline_arguments(spec.load(path))
    assert given["network"] == wanted.format(folder=tmp_path)


@pytest.mark.parametrize("name", ["cifar10", "cifar10-quick", "iris"])
def test_the_specs_that_come_along_are_accepted(name: str) -> None:
    assert spec.load(Path(spec.__file__).parent / "specs" / f"{name}.yaml").name == name


def test_the_schema_knows_both_tasks() -> None:
    import jsonschema

    validator = jsonschema.Draft202012Validator(spec.schema())
    for good in (SMALL, PICTURES, {**PICTURES, "model": {"hyperparameters": {"epochs": 3}}}):
        validator.validate(good)
    for bad in (
        {**PICTURES, "data": {"uri": "a", "target": "b"}},
        {**PICTURES, "model": {"kind": "random_forest"}},
        {**PICTURES, "model": {"kind": "cnn", "hyperparameters": {"n_estimators": 3}}},
        {**SMALL, "model": {"kind": "cnn"}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(bad)


@pytest.mark.parametrize(("document", "graph"), [(SMALL, "tabular"), (PICTURES, "image")])
def test_the_defaults_of_a_rollout_are_the_same_in_a_spec_in_a_form_and_in_the_policy(
    document: object, graph: str
) -> None:
    given = spec.pipeline_arguments(spec.parse(document, "a.yaml"))
    rollout = {key.removeprefix("rollout_"): given[key] for key in given if "rollout_" in key}
    assert Policy.from_mapping(rollout) == Policy(shadow_requests=100)
    parameters = parameters_of(graph)
    form = {key: found.get("defaultValue") for key, found in parameters.items()}
    assert {f"rollout_{key}": form[f"rollout_{key}"] for key in rollout} == {
        f"rollout_{key}": value for key, value in rollout.items()
    }


EDGES: dict[str, tuple[float, float]] = {
    "min_requests": (1, 10**7),
    "max_seconds": (0.1, 7 * 86400),
    "alpha": (1e-6, 0.5),
    "guards.error_rate.max_increase": (0.001, 0.9),
    "guards.latency_p95.max_ratio": (1, 100),
    "guards.disagreement.max": (0.001, 1),
    "guards.class_shift.max": (0.001, 1),
    "guards.confidence.max_drop": (0.001, 1),
    "shadow.requests": (0, 10**5),
}


@pytest.mark.parametrize("key", EDGES)
def test_what_a_spec_may_ask_of_a_rollout_it_can_do_at_either_edge(key: str) -> None:
    for value, step in zip(EDGES[key], (-1, 1), strict=True):
        given = spec.change(SMALL, [f"rollout.{key}={value}"])
        arguments = spec.pipeline_arguments(spec.parse(given, "a.yaml"))
        asked = {k.removeprefix("rollout_"): v for k, v in arguments.items() if "rollout_" in k}
        Policy.from_mapping(asked)
        beyond = spec.change(SMALL, [f"rollout.{key}={value + step * abs(value or 1) * 1e-3}"])
        with pytest.raises(UsageError, match=key):
            spec.parse(beyond, "a.yaml")


REFUSED = {
    "no mapping": ([1], "a spec is a mapping"),
    "no target": ({"name": "a", "data": {"uri": "x"}}, "data.target is missing"),
    "unknown key": ({**SMALL, "modle": {}}, "modle is not a known key; did you mean model"),
    "unknown key below": (
        {**SMALL, "split": {"test_sise": 0.2}},
        "split.test_sise is not a known key; did you mean test_size",
    ),
    "a column whose name is a number": (
        {**SMALL, "data": {"uri": "x", "target": 2020, "drop": [2019]}},
        "data.target = 2020: input should be a valid string, put it in quotes; data.drop.0 = 2019",
    ),
    "bad name": ({**SMALL, "name": "Iris 1"}, "name = 'Iris 1': a name is also"),
    "name too long": ({**SMALL, "name": "a" * 54}, "at most 53 characters"),
    "wrong type": ({**SMALL, "split": {"test_size": "big"}}, "split.test_size = 'big'"),
    "out of range": ({**SMALL, "split": {"test_size": 0.9}}, "less than or equal to 0.5"),
    "unknown kind": ({**SMALL, "model": {"kind": "forest"}}, "there is no model kind 'forest'"),
    "unknown hyperparameter": (
        {**SMALL, "model": {"hyperparameters": {"n_estimator": 3}}},
        "did you mean n_estimators",
    ),
    "hyperparameter out of range": (
        {**SMALL, "model": {"hyperparameters": {"n_estimators": 0}}},
        "n_estimators is 0",
    ),
    "null where there is no such value": (
        {**SMALL, "model": {"hyperparameters": {"n_estimators": None}}},
        "hyperparameter n_estimators is None; input should be a valid integer",
    ),
    "null as a text": (
        {**SMALL, "model": {"hyperparameters": {"max_depth": "null"}}},
        "hyperparameter max_depth is 'null'",
    ),
    "null to a network": (
        {**PICTURES, "model": {"hyperparameters": {"epochs": None}}},
        "hyperparameter epochs is None",
    ),
    "unknown task": ({**SMALL, "task": "images"}, "no task 'images'; did you mean image"),
    "a target of pictures": (
        {**PICTURES, "data": {"uri": "a", "target": "b"}},
        "data.target is not a known key",
    ),
    "half a size": ({**PICTURES, "data": {"uri": "a", "image_size": [3]}}, "data.image_size"),
    "a size of nothing": (
        {**PICTURES, "data": {"uri": "a", "image_size": [0, 9]}},
        "must be from 1 to 4096",
    ),
    "a table's model of pictures": (
        {**PICTURES, "model": {"kind": "random_forest"}},
        "no model kind 'random_forest'",
    ),
    "unknown metric": ({**SMALL, "gate": {"floor": {"acc": 0.5}}}, "there is no metric 'acc'"),
    "kind of another task": (
        {**SMALL, "model": {"kind": "linear_regression"}},
        "model: there is no model kind 'linear_regression' of the task tabular",
    ),
    "metric of another task": (
        {**SMALL, "gate": {"floor": {"rmse": 5}}},
        "gate: rmse is no metric of tabular; ",
    ),
    "class weights of a number": (
        {**SMALL, "task": "tabular-regression", "model": {"hyperparameters": {"class_weight": 1}}},
        "there is no hyperparameter 'class_weight'",
    ),
    "steps do not rise": ({**SMALL, "rollout": {"steps": [50, 10, 100]}}, "must rise"),
    "steps do not end at 100": ({**SMALL, "rollout": {"steps": [10, 50]}}, "must rise"),
    "approve one percent": (
        {**SMALL, "rollout": {"approve": 50}},
        "rollout.approve = 50: say true",
    ),
    "approve a word": ({**SMALL, "rollout": {"approve": "yes"}}, "say true, false or which"),
    "approve no step": ({**SMALL, "rollout": {"approve": [30]}}, "approve: 30 is no step of"),
    "no alpha": ({**SMALL, "rollout": {"alpha": 0}}, "rollout.alpha = 0"),
    "no margin": (
        {**SMALL, "rollout": {"guards": {"error_rate": {"max_increase": 0}}}},
        "rollout.guards.error_rate.max_increase = 0",
    ),
    "unknown word": ({**SMALL, "rollout": {"on_inconclusive": "pray"}}, "'hold', 'promote'"),
}


@pytest.mark.parametrize(
    "document",
    [
        {**SMALL, "task": "x" * 1000},
        {**SMALL, "rollout": {"alpha": "x" * 1000}},
        {**SMALL, "model": {"hyperparameters": {"n_estimators": "x" * 1000}}},
    ],
)
def test_a_value_without_end_is_shown_by_its_beginning(document: object) -> None:
    with pytest.raises(UsageError) as refused:
        spec.parse(document, "a.yaml")
    assert len(str(refused.value)) < 350


@pytest.mark.parametrize(("document", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_allowed_is_refused_with_path_and_value(document: object, said: str) -> None:
    with pytest.raises(UsageError, match=".") as refused:
        spec.parse(document, "a.yaml")
    assert said in str(refused.value)
    assert str(refused.value).startswith("a.yaml: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("document", "graph"), [(SMALL, "tabular"), (PICTURES, "image")])
def test_the_pods_of_a_spec_are_those_of_the_form(document: object, graph: str) -> None:
    arguments = pods_arguments(spec.parse(document, "a.yaml").pods)
    form = parameters_of(graph)
    assert arguments == {key: form[key]["defaultValue"] for key in arguments}


def test_a_spec_says_what_a_cluster_gives_the_training() -> None:
    bears = {"key": "nvidia.com/gpu", "operator": "Exists", "tolerationSeconds": 300}
    pods = {"cpu": 8, "gpus": 2, "node_selector": {"pool": "gpu"}, "tolerations": [bears]}
    assert pods_arguments(spec.parse({**PICTURES, "pods": pods}, "a.yaml").pods) == {
        "cpu": "8",
        "memory": "8Gi",
        "gpus": "2",
        "node_selector": {"pool": "gpu"},
        "tolerations": [bears],
    }


@pytest.mark.parametrize(
    ("pods", "said"),
    [
        ({"memory": "4 GB"}, "pods.memory = '4 GB'"),
        ({"cpu": "0"}, "pods.cpu = '0'"),
        ({"gpus": 1}, "pods.gpus is not a known key"),
    ],
)
def test_what_no_table_can_be_given_is_refused(pods: object, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        spec.parse({**SMALL, "pods": pods}, "a.yaml")


@pytest.mark.parametrize(("document", "graph"), [(SMALL, "tabular"), (PICTURES, "image")])
def test_the_arguments_are_the_parameters_of_the_compiled_pipeline(
    document: object, graph: str
) -> None:
    inputs = parameters_of(graph)
    arguments = spec.pipeline_arguments(spec.parse(document, "a.yaml"))
    assert set(arguments) | {"data_sha256", "git_commit", "run_key", "why"} == set(inputs)


def test_the_schema_accepts_the_shipped_specs_and_refuses_a_wrong_one() -> None:
    import jsonschema
    import yaml

    jsonschema.Draft202012Validator.check_schema(spec.schema())
    validator = jsonschema.Draft202012Validator(spec.schema())
    shipped = sorted((Path(spec.__file__).parent / "specs").glob("*.yaml"))
    assert shipped
    for path in shipped:
        validator.validate(yaml.safe_load(path.read_text()))
        spec.load(path)
    number = {**SMALL, "task": "tabular-regression"}
    validator.validate({**number, "model": {"kind": "linear_regression"}})
    epsilon = {"kind": "svm", "hyperparameters": {"epsilon": 0.2}}
    validator.validate({**number, "model": epsilon})
    for wrong in (
        {**SMALL, "model": {"kind": "random_forest", "hyperparameters": {"C": 1}}},
        {**SMALL, "model": {"kind": "linear_regression"}},
        {**SMALL, "model": epsilon},
        {**number, "model": {"kind": "perceptron"}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(wrong)
