"""The compiled pipeline in the repository is the graph, and says what a cluster must know."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines import compile as compiled
from serving.errors import UsageError

# Those that ask which version serves are with them.
SIDE_EFFECTS = {
    "validate",
    "train",
    "evaluate",
    "servability",
    "register",
    "deploy",
    "choose-trial",
}
SIDE_EFFECTS |= {"reject", "finish"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(compiled.path("tabular").read_text())
    return found


def tasks(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every task of the graph and of the graphs inside it."""
    found = dict(document["root"]["dag"]["tasks"])
    for component in document["components"].values():
        found |= component.get("dag", {}).get("tasks", {})
    return found


def test_the_compiled_yaml_is_fresh() -> None:
    compiled.check()


def test_a_stale_one_is_told_with_the_remedy(tmp_path: Path) -> None:
    stale = tmp_path / "tabular.yaml"
    stale.write_text(compiled.path("tabular").read_text() + "# edited by hand\n")
    with pytest.raises(UsageError, match="kanarya compile"):
        compiled.check(tmp_path)


def test_compiling_twice_gives_the_same_bytes() -> None:
    assert compiled.text("tabular") == compiled.text("tabular")


def test_steps_with_side_effects_are_never_answered_from_a_cache(document: dict[str, Any]) -> None:
    for name, task in tasks(document).items():
        cached = task.get("cachingOptions", {}).get("enableCache", False)
        if name in SIDE_EFFECTS:
            assert not cached, f"{name} has side effects"
        elif "dag" not in document["components"][task["componentRef"]["name"]]:
            assert cached, f"{name} has none and may be reused"


def test_conditions_are_the_gates_bool_and_whether_to_tune(document: dict[str, Any]) -> None:
    conditions = [
        task["triggerPolicy"]["condition"]
        for task in tasks(document).values()
        if "condition" in task.get("triggerPolicy", {})
    ]
    asked = "inputs.parameter_values['pipelinechannel--gate-Output'] == true"
    tuned = "inputs.parameter_values['pipelinechannel--tune_method'] != ''"
    assert sorted(conditions) == sorted([asked, f"!({asked})", tuned, f"!({tuned})"])


def test_every_step_has_a_name_for_people_and_every_parameter_a_description(
    document: dict[str, Any],
) -> None:
    names = {task["taskInfo"]["name"] for task in tasks(document).values()}
    assert {"Read the table", "Train", "Gate", "Register", "Roll out by canary"} <= names
    parameters = document["root"]["inputDefinitions"]["parameters"]
    assert all(parameter.get("description") for parameter in parameters.values())
