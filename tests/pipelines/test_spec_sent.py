"""A spec that was sent as a pipeline's parameters is that spec again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.spec import load, parse, pipeline_arguments
from pipelines.spec_sent import spec_of
from serving.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
SPECS = sorted((ROOT / "pipelines" / "specs").glob("*.yaml"))
TABLE = {"name": "a", "data": {"uri": "gs://b/a.csv", "target": "y"}}
MADE = {
    "tuned": {
        **TABLE,
        "model": {"kind": "random_forest", "hyperparameters": {"max_depth": None}},
        "tune": {"method": "halving", "space": {"min_samples_leaf": {"low": 1, "high": 9}}},
    },
    "guarded": {
        **TABLE,
        "data": {**TABLE["data"], "drop": ["id"]},
        "split": {"test_size": 0.5, "random_state": 7, "stratify": False},
        "gate": {
            "floor": {"accuracy": 0.9},
            "champion": {"metric": "", "margin": 1.0, "alpha": 0.01, "require": "better"},
            "slices": [{"column": "sex", "value": "3", "max_drop": 0.1}],
        },
        "serving": {"guards": {"p99_ms": 20.0}, "feedback": "all"},
        "rollout": {"steps": [50, 100], "approve": [100], "guards": {"class_shift": {"max": 1}}},
        "pods": {"cpu": "500m", "memory": "16Gi"},
    },
    "numbers": {**TABLE, "task": "tabular-regression", "model": {"kind": "mlp"}},
    "pictures": {
        "name": "cats",
        "task": "image",
        "data": {"uri": "s3://b/cats.zip", "image_size": [32, 32], "channels": 3},
        "model": {"kind": "cnn", "network": "gs://b/network"},
        "pods": {"gpus": 2, "tolerations": [{"key": "gpu", "operator": "Exists"}]},
    },
}


def as_the_api_says_it(arguments: dict[str, Any]) -> dict[str, Any]:
    """Every number a float: the API has no other."""
    return json.loads(json.dumps(arguments), parse_int=float)


@pytest.mark.parametrize("name", [*MADE, *(path.stem for path in SPECS)])
def test_a_spec_comes_back_from_its_parameters(name: str) -> None:
    made = MADE.get(name)
    path = ROOT / "pipelines" / "specs" / f"{name}.yaml"
    spec = parse(made, name) if made else load(path)
    arguments = pipeline_arguments(spec)
    for given in (arguments, as_the_api_says_it(arguments)):
        found, unknown = spec_of({**given, "run_key": "k", "why": ""}, "the run")
        assert pipeline_arguments(found) == arguments
        assert not unknown


@pytest.mark.parametrize("pipeline", ["tabular", "image"])
def test_every_parameter_of_a_pipeline_is_known(pipeline: str) -> None:
    text = (ROOT / "pipelines" / "compiled" / f"{pipeline}.yaml").read_text(encoding="utf-8")
    compiled = next(yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    names = compiled["root"]["inputDefinitions"]["parameters"]
    given = pipeline_arguments(parse(MADE["pictures" if pipeline == "image" else "tuned"], "x"))
    found, unknown = spec_of({**dict.fromkeys(names, ""), **given}, "the run")
    assert (found.data.uri, unknown) == (given["data_uri"], [])


def test_what_no_spec_has_is_named() -> None:
    given = pipeline_arguments(parse(TABLE, "x"))
    assert spec_of({**given, "of_tomorrow": 1}, "the run")[1] == ["of_tomorrow"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model_kind": "oracle"}, "iris-1: model.*oracle"),
        ({"rollout_steps": [50]}, "iris-1: rollout.*must rise"),
    ],
)
def test_what_no_spec_may_say_is_refused(changed: dict[str, Any], said: str) -> None:
    given = pipeline_arguments(parse(TABLE, "x"))
    with pytest.raises(UsageError, match=said):
        spec_of({**given, **changed}, "iris-1")


def test_the_parameters_of_another_pipeline_are_no_spec() -> None:
    with pytest.raises(UsageError, match="iris-1 is a run of another pipeline"):
        spec_of({"x": 1}, "iris-1")
