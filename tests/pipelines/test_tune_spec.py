"""The tune section of a spec: what is refused with its path, and what the pipeline is given."""

import json

import pytest

from pipelines import spec
from serving.errors import UsageError

DOCUMENT = {"name": "iris", "data": {"uri": "iris.csv", "target": "species"}}
SPACE = {"max_depth": [1, None], "max_features": {"low": 0.1, "high": 1}}


def test_a_search_travels_as_parameters_and_its_absence_does() -> None:
    given = spec.pipeline_arguments(spec.parse({**DOCUMENT, "tune": {"space": SPACE}}, "a.yaml"))
    assert (given["tune_method"], given["tune_trials"], given["tune_metric"]) == ("random", 0, "")
    space = json.loads(given["tune_space"])
    assert space["max_depth"] == [1, None]
    assert {**space["max_features"], **SPACE["max_features"]} == space["max_features"]
    without = spec.pipeline_arguments(spec.parse(DOCUMENT, "a.yaml"))
    assert (without["tune_method"], without["tune_space"]) == ("", "{}")
    assert {key for key in given if key.startswith("tune_")} < set(without)


@pytest.mark.parametrize(
    ("tune", "said"),
    [
        ({"space": {"C": [1]}}, "a.yaml: tune: random_forest: there is no hyperparameter 'C'"),
        ({"space": {"max_depth": {"low": 3}}}, "tune.space.max_depth.range.high is missing"),
        ({"space": SPACE, "metric": "r2"}, "'r2' is no metric of tabular"),
        ({"spase": SPACE}, "tune.spase is not a known key"),
        ({"space": SPACE, "method": "grid"}, "max_features is a range"),
    ],
)
def test_a_wrong_search_is_refused_with_its_place(tune: object, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        spec.parse({**DOCUMENT, "tune": tune}, "a.yaml")
    assert said in str(caught.value)
