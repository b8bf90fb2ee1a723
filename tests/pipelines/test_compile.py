"""The compiled pipeline in the repository is the graph, and can be pinned for a cluster."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from pipelines import compile as compiled
from pipelines.images import Images
from scripts.compile import compile_pipelines
from serving.errors import UsageError
from tests.pipelines import graphs

DIGEST = f"registry.example/kanarya/components-python@sha256:{'ab' * 32}"
COMMIT = f"registry.example:5000/kanarya/images-python:{'0123456789' * 4}"


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "part"), [("tabular", "graph"), ("image", "platform")])
def test_a_stale_one_is_told_with_the_remedy(tmp_path: Path, name: str, part: str) -> None:
    for each in compiled.PIPELINES:
        compiled.path(each, tmp_path).write_text(compiled.path(each).read_text())
    graph, _, platform = compiled.path(name).read_text().partition("\n---\n")
    edited = {"graph": (graph, "Train on", "Learn on"), "platform": (platform, "50000", "0")}[part]
    assert edited[1] in edited[0]
    text = compiled.path(name).read_text().replace(edited[1], edited[2])
    compiled.path(name, tmp_path).write_text(text)
    with pytest.raises(UsageError, match=f"compiled/{name}.yaml .* `kanarya compile`"):
        compiled.check(tmp_path)


def test_the_compiled_yaml_is_fresh_whatever_images_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KANARYA_COMPONENTS_IMAGE", DIGEST)
    compiled.check()


def test_conditions_are_the_gates_bool_and_whether_to_tune() -> None:
    document = graphs.documents("tabular")[0]
    groups = [document["root"], *document["components"].values()]
    tasks = [task for each in groups for task in each.get("dag", {}).get("tasks", {}).values()]
    conditions = [
        task["triggerPolicy"]["condition"]
        for task in tasks
        if "condition" in task.get("triggerPolicy", {})
    ]
    asked = "inputs.parameter_values['pipelinechannel--gate-Output'] == true"
    tuned = "inputs.parameter_values['pipelinechannel--tune_method'] != ''"
    assert sorted(conditions) == sorted([asked, f"!({asked})", tuned, f"!({tuned})"])


MOVING = [
    "kanarya/components-python:0.1.0",
    "kanarya/components-python",
    "kanarya/components-python:latest",
    "registry.example:5000/kanarya",
    f"kanarya@sha256:{'ab' * 31}",
    f"kanarya:{'0' * 40}-dirty",
]


@pytest.mark.parametrize("image", MOVING)
def test_an_image_that_may_change_is_refused(image: str) -> None:
    with pytest.raises(UsageError, match="digest") as refused:
        compiled.for_cluster("tabular", Images(image))
    assert image in str(refused.value)


@pytest.mark.parametrize("image", [DIGEST, COMMIT, "k:0123abc", "k:sha-0123abc", "k:git-0123abc"])
def test_an_image_that_cannot_change_is_in_every_step(image: str) -> None:
    document, platform = yaml.load_all(
        compiled.for_cluster("image", Images(image, COMMIT)), yaml.CSafeLoader
    )
    assert images(document) == {image, COMMIT}
    assert platform == graphs.documents("image")[1]


def images(document: dict[str, Any]) -> set[str]:
    return {each["container"]["image"] for each in document["deploymentSpec"]["executors"].values()}


def test_the_command_pins_the_images_that_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KANARYA_COMPONENTS_IMAGE", COMMIT)
    before = compiled.path("tabular").read_text()

    def call(*words: str) -> Any:
        return CliRunner().invoke(compile_pipelines, [*words], standalone_mode=False)

    assert call("--out", str(tmp_path / "a"), "--image", DIGEST).exception is None
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["tabular.yaml"]
    assert f"image: {DIGEST}" in (tmp_path / "a" / "tabular.yaml").read_text()
    assert call("--out", str(tmp_path / "b"), "--images-image", DIGEST).exception is None
    assert f"image: {COMMIT}" in (tmp_path / "b" / "image.yaml").read_text()
    assert "--out" in str(call("--image", DIGEST).exception)
    assert "latest" in str(call("--out", str(tmp_path / "c"), "--image", "k:latest").exception)
    assert not (tmp_path / "c").exists()
    assert compiled.path("tabular").read_text() == before
