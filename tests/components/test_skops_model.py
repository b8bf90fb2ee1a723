"""Native models: what is read again, and what is refused."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components import preprocessing
from serving import skops_model, skops_types
from serving.errors import ModelError
from tests.components import tables


@pytest.fixture(scope="module", params=tables.QUICK)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp(request.param)
    fitted, _ = tables.fitted(home, tables.mixed(), request.param)
    skops_model.save(fitted.pipeline, home / "model.skops")
    again = skops_model.load(home / "model.skops")
    before = preprocessing.ask(fitted.pipeline, fitted.frame)
    assert np.array_equal(preprocessing.ask(again, fitted.frame), before)
    return home / "model.skops"


@cache
def _fitted(table: Callable[[], tables.Table], kind: str) -> bytes:
    with tempfile.TemporaryDirectory() as home:
        return pickle.dumps(tables.fitted(Path(home), table(), kind)[0].pipeline)


def pipeline(table: Callable[[], tables.Table], kind: str) -> Any:
    """Return a fitted pipeline that the test may damage; it is fitted once."""
    return pickle.loads(_fitted(table, kind))


def rewritten(path: Path, change: dict[str, str]) -> Path:
    """Write the file anew with words of its schema changed."""
    target = path.with_name("changed.skops")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "schema.json":
                text = data.decode()
                for word, other in change.items():
                    assert word in text
                    text = text.replace(word, other)
                data = text.encode()
            new.writestr(name, data)
    return target


@pytest.mark.parametrize(
    "type_name",
    [("os", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("kanarya_evil", "Thing")],
    ids=".".join,
)
def test_a_file_that_names_another_type_is_refused_before_it_is_made(
    saved: Path, type_name: tuple[str, str]
) -> None:
    with zipfile.ZipFile(saved) as archive:
        schema = json.loads(archive.read("schema.json"))
    module, name = type_name
    imputer = {"SimpleImputer": name, "sklearn.impute._base": module}
    assert "SimpleImputer" in json.dumps(schema)
    with pytest.raises(ModelError, match="model is refused|is refused") as refused:
        skops_model.load(rewritten(saved, imputer))
    assert f"{module}.{name}" in str(refused.value)


def test_a_list_of_trusted_types_beside_the_file_changes_nothing(tmp_path: Path) -> None:
    from pathlib import PurePosixPath

    import skops.io

    skops.io.dump({"a": PurePosixPath("/x")}, tmp_path / "model.skops")
    named = skops.io.get_untrusted_types(file=tmp_path / "model.skops")
    (tmp_path / "MLmodel").write_text(f"flavors: {{sklearn: {{skops_trusted_types: {named}}}}}")
    with pytest.raises(ModelError):
        skops_model.load(tmp_path / "model.skops")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    import skops.io
    from sklearn.linear_model import LogisticRegression

    skops.io.dump(LogisticRegression(), tmp_path / "model.skops")
    with pytest.raises(ModelError, match="no pipeline of ours"):
        skops_model.load(tmp_path / "model.skops")


@pytest.mark.parametrize("bytes_", [b"", b"PK\x03\x04 not a zip", b"\x80\x04\x95 a pickle"])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, bytes_: bytes) -> None:
    path = tmp_path / "model.skops"
    path.write_bytes(bytes_)
    with pytest.raises(ModelError, match="cannot be read"):
        skops_model.load(path)
    with pytest.raises(ModelError, match="cannot be read"):
        skops_model.load(tmp_path / "absent.skops")


@pytest.mark.parametrize("field", ["left_child", "right_child", "feature"])
def test_a_forest_that_points_outside_of_itself_is_refused(tmp_path: Path, field: str) -> None:
    fitted = pipeline(tables.iris, "random_forest")
    tree = fitted.named_steps["model"].estimators_[3].tree_
    state = tree.__getstate__()
    state["nodes"][field][0] = 10_000
    tree.__setstate__(state)
    skops_model.save(fitted, tmp_path / "model.skops")
    with pytest.raises(ModelError, match="points outside of itself"):
        skops_model.load(tmp_path / "model.skops")


@pytest.mark.parametrize("field", ["left", "right", "feature_idx"])
def test_boosted_trees_that_point_outside_of_themselves_are_refused(
    tmp_path: Path, field: str
) -> None:
    fitted = pipeline(tables.iris, "hist_gradient_boosting")
    nodes = fitted.named_steps["model"]._predictors[2][1].nodes
    nodes[field][0] = 100_000 if field != "feature_idx" else 99
    skops_model.save(fitted, tmp_path / "model.skops")
    with pytest.raises(ModelError, match="points outside of itself"):
        skops_model.load(tmp_path / "model.skops")


@pytest.mark.parametrize("place", ["alone", "in a forest of forests", "behind a pipeline"])
def test_a_tree_that_points_outside_of_itself_is_refused_wherever_it_hides(
    tmp_path: Path, place: str
) -> None:
    from sklearn.pipeline import Pipeline

    fitted = pipeline(tables.iris, "random_forest")
    forest = fitted.named_steps["model"]
    tree = forest.estimators_[0]
    state = tree.tree_.__getstate__()
    state["nodes"]["feature"][0] = 10_000
    tree.tree_.__setstate__(state)
    hidden = {
        "alone": tree,
        "in a forest of forests": _forest_of(forest),
        "behind a pipeline": Pipeline([("model", forest)]),
    }
    fitted.set_params(model=hidden[place])
    skops_model.save(fitted, tmp_path / "model.skops")
    with pytest.raises(ModelError, match="points outside of itself|a forest of|answers by"):
        skops_model.load(tmp_path / "model.skops")


def _forest_of(forest: Any) -> Any:
    """Return a forest whose one tree is a forest with a sound tree of its own to show."""
    from copy import deepcopy

    outer = deepcopy(forest)
    forest.tree_ = outer.estimators_[1].tree_
    outer.estimators_ = [forest]
    return outer


def machine_of(fitted: Any) -> Any:
    model = fitted.named_steps["model"]
    return model.calibrated_classifiers_[0].estimator if hasattr(model, "classes_") else model


DAMAGED_MACHINES: dict[str, dict[str, Any]] = {
    "sizes that add up to more": {"_n_support": np.array([900, 1, 1], np.int32)},
    "a size below zero": {"_n_support": np.array([-1, 1, 1], np.int32)},
    "fewer sizes than classes": {"_n_support": np.array([1], np.int32)},
    "too few weights": {"_dual_coef_": np.zeros((1, 2))},
    "weights of another type": {"_dual_coef_": np.zeros((2, 2), np.float32)},
    "offsets that are too many": {"_intercept_": np.zeros(9)},
    "probabilities of its own": {"_probA": np.zeros(3)},
    "places that nobody has": {"support_": np.zeros(1, np.int32)},
    "a kernel that follows places": {"kernel": "precomputed"},
    "a solver of its own": {"_impl": "one_class"},
    "sparse vectors": {"_sparse": True},
    "narrow vectors": {"support_vectors_": np.zeros((2, 1))},
}


@pytest.mark.parametrize("table", [tables.iris, tables.prices], ids=["classes", "numbers"])
@pytest.mark.parametrize("change", DAMAGED_MACHINES.values(), ids=DAMAGED_MACHINES)
def test_a_support_vector_machine_that_points_outside_of_itself_is_refused(
    tmp_path: Path, change: dict[str, Any], table: Any
) -> None:
    fitted = pipeline(table, "svm")
    vars(machine_of(fitted)).update(change)
    skops_model.save(fitted, tmp_path / "model.skops")
    with pytest.raises(ModelError, match="machine that points outside of itself|is damaged"):
        skops_model.load(tmp_path / "model.skops")


@pytest.mark.parametrize("hidden", ["a forest", "a machine alone"])
def test_nothing_but_a_sound_machine_stands_behind_a_calibration(
    tmp_path: Path, hidden: str
) -> None:
    fitted = pipeline(tables.iris, "svm")
    calibrated = fitted.named_steps["model"]
    if hidden == "a forest":
        model = pipeline(tables.iris, "random_forest").named_steps["model"]
        calibrated.calibrated_classifiers_[0].estimator = model
    else:
        fitted.set_params(model=calibrated.calibrated_classifiers_[0].estimator)
    skops_model.save(fitted, tmp_path / "model.skops")
    with pytest.raises(ModelError, match="a calibration of|answers by sklearn.svm"):
        skops_model.load(tmp_path / "model.skops")


def test_a_file_cannot_ask_for_processes(tmp_path: Path) -> None:
    fitted = pipeline(tables.iris, "random_forest")
    fitted.set_params(model__n_jobs=64, prepare__n_jobs=64)
    skops_model.save(fitted, tmp_path / "model.skops")
    read = skops_model.load(tmp_path / "model.skops").named_steps
    assert (read["model"].n_jobs, read["prepare"].n_jobs) == (None, None)


def test_what_a_server_makes_from_a_file_are_types_that_exist() -> None:
    from importlib import import_module

    for name in skops_types.TYPES:
        module, _, kind = name.rpartition(".")
        assert hasattr(import_module(module), kind), name


WITHOUT = """
import sys
sys.modules["skops"] = None
from pathlib import Path
from serving.predictor.served import load
load(Path(sys.argv[1]))
"""


@pytest.mark.e2e
def test_without_skops_the_refusal_says_what_to_install(native_model_dir: Path) -> None:
    command = [sys.executable, "-c", WITHOUT, str(native_model_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "install it with `pip install 'kanarya[native]'`" in done.stderr.splitlines()[-1]
