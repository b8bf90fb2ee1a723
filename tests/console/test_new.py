"""A new run: the form is the spec's schema, the draft is a spec, and starting it queues it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.image_models import HYPERPARAMETERS as IMAGES
from components.models import HYPERPARAMETERS as TABLES
from console.data import form
from console.data.draft import Draft, likely_task, of_spec
from console.data.form import Field
from console.data.plan import plan
from console.data.preview import Column
from console.data.run_actions import RunActions
from console.data.runs import Runs
from console.data.taking import taken_from
from console.texts import LANGUAGES, Texts, catalogue
from pipelines.asked import Asked
from pipelines.queue import Queue
from pipelines.spec import load, parse
from scripts.run import _document
from scripts.run import run as run_command
from serving.errors import NotFound, UsageError
from serving.settings import Settings

SPECS = Path(__file__).resolve().parents[2] / "pipelines" / "specs"
COLUMNS = (
    Column("age", "integer", 0, 60),
    Column("fare", "number", 0, 90),
    Column("sex", "text", 0, 2),
    Column("survived", "integer", 0, 2),
)
MODELS = [(task, kind, of) for task, kinds in TABLES.items() for kind, of in kinds.items()]
MODELS += [("image", kind, of) for kind, of in IMAGES.items()]


def drafted() -> Draft:
    return Draft().with_data("/data/titanic.csv", COLUMNS)


@pytest.mark.parametrize(("task", "kind", "model"), MODELS)
def test_every_hyperparameter_has_a_field_with_its_default(
    task: str, kind: str, model: Any
) -> None:
    found = form.hyperparameters(task, kind)
    usual = json.loads(model().model_dump_json())
    assert {each.name: each.default for each in found} == usual
    assert all(each.help for each in found)
    assert form.about(task, kind)


@pytest.mark.parametrize("task", ["tabular", "tabular-regression", "image"])
def test_what_is_filled_in_with_the_default_is_a_spec(task: str) -> None:
    image = task == "image"
    draft = Draft().with_data("/p.zip") if image else drafted().with_task(task)
    for part in form.PARTS:
        for each in form.part(task, part):
            if each.default is not None and part not in ("tune", "retrain"):
                draft = draft.with_value(each.path, form.read(each, form.shown(each.default)))
    spec = draft.spec() if image else draft.with_target("fare", COLUMNS).with_task(task).spec()
    assert spec.rollout == type(spec.rollout)()


@pytest.mark.parametrize(
    ("field", "given", "value"),
    [
        (Field("a", "integer"), 3.0, 3),
        (Field("a", "number"), 0.5, 0.5),
        (Field("a", "choice"), "x", "x"),
        (Field("a", "text"), "4", "4"),
        (Field("a", "yaml", default="sqrt"), "0.3", 0.3),
        (Field("a", "yaml", default="sqrt"), "null", None),
        (Field("a", "yaml", default=[10, 100]), "50, 100", [50, 100]),
        (Field("a", "yaml", default=[10, 100]), "[50, 100]", [50, 100]),
        (Field("a", "yaml"), "accuracy: 0.9", {"accuracy": 0.9}),
    ],
)
def test_what_is_written_is_read_as_the_spec_has_it(field: Field, given: Any, value: Any) -> None:
    assert form.read(field, given) == value


def test_what_is_no_yaml_is_told() -> None:
    with pytest.raises(UsageError, match=r"floor: '\{' is not YAML"):
        form.read(Field("gate.floor", "yaml"), "{")


def test_data_brings_a_target_a_task_and_a_name() -> None:
    assert yaml.safe_load(drafted().yaml()) == {
        "name": "titanic",
        "data": {"uri": "/data/titanic.csv", "target": "survived"},
    }
    assert drafted().with_target("fare", COLUMNS).task == "tabular-regression"


@pytest.mark.parametrize(
    ("kind", "distinct", "task"),
    [
        ("text", 90, "tabular"),
        ("integer", 3, "tabular"),
        ("integer", 60, "tabular-regression"),
        ("number", 3, "tabular-regression"),
    ],
)
def test_a_target_of_quantities_is_estimated(kind: str, distinct: int, task: str) -> None:
    assert likely_task(Column("y", kind, 0, distinct)) == task


def test_other_data_keeps_the_model_and_drops_columns_that_are_gone() -> None:
    draft = drafted().with_dropped(["age", "sex"]).with_kind("svm")
    moved = draft.with_data("/data/other.csv", (COLUMNS[0], COLUMNS[3]))
    assert moved.kind == "svm"
    assert moved.value("data") == {
        "uri": "/data/other.csv",
        "target": "survived",
        "drop": ["age"],
    }


def test_a_name_follows_the_file_until_somebody_gives_one() -> None:
    assert drafted().with_data("/data/other.csv", COLUMNS).value("name") == "other"
    named = drafted().with_value("name", "mine")
    assert named.with_data("/data/other.csv", COLUMNS).value("name") == "mine"


def test_null_is_a_value_and_a_default_is_none() -> None:
    path = "model.hyperparameters.max_features"
    draft = drafted().with_value(path, None)
    assert draft.value("model.hyperparameters") == {"max_features": None}
    assert draft.with_default(path).value("model") is None


@pytest.mark.parametrize("spec", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_spec_that_is_taken_over_is_the_same_spec(spec: Path) -> None:
    known = load(spec)
    assert of_spec(Asked(known)).spec() == known
    assert parse(yaml.safe_load(of_spec(Asked(known)).yaml()), "") == known


def test_the_command_starts_the_same_spec() -> None:
    draft = drafted().with_dropped(["age"]).with_kind("svm")
    draft = draft.with_value("model.hyperparameters.gamma", "auto")
    draft = draft.with_value("gate.slices", [{"column": "s e'x", "floor": 0.5}])
    given = run_command.make_context("run", shlex.split(draft.command())[2:]).params
    assert parse(_document(given, given["changes"]), "--data") == draft.spec()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("spec", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_will_happen_is_said(spec: Path, language: str) -> None:
    said = [Texts(language).say(key, **places) for key, places in plan(load(spec))]
    assert len(said) >= 5


def test_every_part_has_a_title() -> None:
    assert {f"new.part.{part}" for part in form.PARTS} <= set(catalogue())


@pytest.mark.parametrize("task", ["tabular", "tabular-regression", "image"])
def test_what_the_spec_says_of_its_fields_is_said_in_every_language(task: str) -> None:
    found = [each for part in form.PARTS for each in form.part(task, part)]
    found += [each for kind in form.kinds(task) for each in form.hyperparameters(task, kind)]
    said = {each.help for each in found if each.help}
    said |= {form.about(task, kind) for kind in form.kinds(task)}
    assert {Texts().say(each) for each in said} == said
    assert not {each for each in said if Texts("tr").say(each) == each}


def test_a_run_is_taken_over_with_what_its_data_was(tmp_path: Path) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    folder = tmp_path / "runs" / "iris-20260101-000000-abcd"
    folder.mkdir(parents=True)
    spec = load(SPECS / "iris.yaml").model_dump(mode="json")
    code = {"sha256": "c", "commit": "", "dirty": False}
    around = {"python": "3.11", "system": "x", "libraries": {}, "sha256": "e"}
    origin = {"spec": spec, "code": code, "environment": around, "data_sha256": "d" * 64}
    (folder / "origin.json").write_text(json.dumps(origin), encoding="utf-8")
    (folder / "arguments.json").write_text("{}", encoding="utf-8")
    actions = RunActions(settings, Runs.of(settings))
    draft, notes = taken_from(actions, folder.name, "")
    asked = draft.asked()
    assert (asked.data_sha256, set(asked.made_from.values())) == ("d" * 64, {folder.name})
    assert draft.asked(same_data=False).data_sha256 == ""
    assert draft.with_data("/other.csv", COLUMNS).asked().made_from == {}
    assert notes
    for wrong in ("../x", "", "nobody-1"):
        with pytest.raises(NotFound):
            taken_from(actions, wrong, "")


def test_a_draft_is_queued_for_who_asked(tmp_path: Path) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    queue = Queue(settings)
    run_id = queue.put(drafted().asked(), priority=3, by="ayse")
    (entry,) = queue.view().entries
    assert (entry.run_id, entry.priority) == (run_id, 3)
    queue.close()
