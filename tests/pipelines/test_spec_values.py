"""Values of a spec that become others on their way: nulls, metrics, paths, names, --set."""

import json
from pathlib import Path

import pytest

from components import models
from components.tune.step import plan, untuned
from pipelines import spec, spec_parts
from serving.errors import UsageError
from tests.pipelines.specs import SMALL

NULLS = [
    ("random_forest", {"max_depth": None, "n_estimators": 5}),
    ("hist_gradient_boosting", {"max_leaf_nodes": None}),
    ("linear_svm", {"batch_size": None, "class_weight": None}),
]


@pytest.mark.parametrize(("kind", "asked"), NULLS)
def test_a_null_reaches_training_as_what_it_means_to_the_model(
    kind: str, asked: dict[str, object]
) -> None:
    from kfp.compiler.pipeline_spec_builder import to_protobuf_value

    document = {**SMALL, "model": {"kind": kind, "hyperparameters": asked}}
    sent = spec.pipeline_arguments(spec.parse(document, "a.yaml"))["hyperparameters"]
    to_protobuf_value(sent)  # the encoder of kfp.local, which has no null
    received = json.loads(untuned(sent))["hyperparameters"]
    assert received == asked
    assert {key: getattr(models.parse(kind, received), key) for key in asked} == asked


def test_a_null_stays_one_beside_a_search() -> None:
    sent = {"max_leaf_nodes": "null", "max_iter": 9}
    wanted = {"method": "grid", "space": {"learning_rate": [0.1]}}
    (shard,) = plan(wanted, "tabular", "hist_gradient_boosting", sent, 1)
    assert json.loads(shard)["fixed"] == {"max_leaf_nodes": None, "max_iter": 9}


@pytest.mark.parametrize(
    ("task", "asked", "metric"),
    [
        ("tabular", {}, "accuracy"),
        ("tabular-regression", {}, "rmse"),
        ("tabular-regression", {"metric": "r2"}, "r2"),
        ("tabular-regression", {"metric": ""}, ""),
    ],
)
def test_the_champion_is_compared_by_what_fits_the_task(
    task: str, asked: dict[str, object], metric: str
) -> None:
    parsed = spec.parse({**SMALL, "task": task, "gate": {"champion": asked}}, "a.yaml")
    given = spec.pipeline_arguments(parsed)
    assert (given["task"], given["champion_metric"]) == (task, metric)


def test_a_path_in_a_spec_is_relative_to_the_spec(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("name: iris\ndata: {uri: sub/iris.csv, target: species}\n")
    assert spec.load(file).data.uri == str(tmp_path / "sub" / "iris.csv")


def test_a_remote_address_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("name: iris\ndata: {uri: 'gs://b/iris.csv', target: species}\n")
    assert spec.load(file).data.uri == "gs://b/iris.csv"


def test_set_changes_values_below_and_makes_new_ones(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("name: iris\ndata: {uri: iris.csv, target: species}\n")
    changes = ["model.kind=logistic_regression", "split.test_size=0.3", "rollout.steps=[5, 100]"]
    changed = spec.load(file, changes)
    assert changed.model.kind == "logistic_regression"
    assert changed.split.test_size == 0.3
    assert changed.rollout.steps == (5, 100)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot read the spec"),
        (b"name: [", "not valid YAML"),
        (b"name: 2026-13-45", "not valid YAML: month must be in 1..12"),
        (b"[" * 5000, "not valid YAML: it is nested too deeply"),
        (b"\xff\xfe\x00name", "UTF-8"),
        (b"", "a spec is a mapping"),
    ],
)
def test_an_unreadable_spec_is_one_sentence(tmp_path: Path, text: bytes | None, said: str) -> None:
    file = tmp_path / "s.yaml"
    if text is not None:
        file.write_bytes(text)
    with pytest.raises(UsageError) as refused:
        spec.load(file)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "assignment", ["model.kind", "=3", "name.first=3", "name=[a", "data.drop=[2026-13-45]"]
)
def test_a_malformed_set_is_refused(tmp_path: Path, assignment: str) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("name: iris\ndata: {uri: iris.csv, target: species}\n")
    with pytest.raises(UsageError, match="--set"):
        spec.load(file, [assignment])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("data/Titanic (1).csv", "titanic-1"),
        ("2024.csv", "m-2024"),
        ("gs://b/Müşteri_Kaybı.csv", "musteri-kaybi"),
        ("İzmir fiyatları.csv", "izmir-fiyatlari"),
        ("Größe ÆØ.csv", "grosse-aeo"),
        ("данные.csv", "m"),
        ("x" * 80 + ".csv", "x" * 53),
    ],
)
def test_a_name_is_made_from_a_file(path: str, name: str) -> None:
    assert spec.name_from(path) == name
    assert spec_parts.NAME.fullmatch(spec.name_from(path))
