"""What the Kubeflow Pipelines UI shows of a run: pages, tables, curves, and words for people."""

import pytest

from tests.pipelines import graphs

HTML, MARKDOWN = "system.HTML", "system.Markdown"
METRICS, CLASSES = "system.Metrics", "system.ClassificationMetrics"
SHOWN = {HTML, MARKDOWN, METRICS, CLASSES}
PAGES = {
    "validate": {HTML},
    "choose-trial": {HTML},
    "evaluate": {METRICS, CLASSES, HTML},
    "servability": {METRICS},
    "gate": {MARKDOWN},
    "deploy": {HTML, METRICS},
}


@pytest.mark.parametrize("pipeline", graphs.NAMES)
def test_the_steps_with_something_to_look_at_show_it(pipeline: str) -> None:
    found = {}
    for step, _, label in graphs.tasks(pipeline):
        component = graphs.graph(pipeline).components[label.replace("exec-", "comp-", 1)]
        outputs = component.output_definitions.artifacts.values()
        found[step.removesuffix("-images")] = {
            each.artifact_type.schema_title for each in outputs
        } & SHOWN
    shown = {step: pages for step, pages in found.items() if pages}
    assert shown == {step: pages for step, pages in PAGES.items() if step in found}


@pytest.mark.parametrize("pipeline", graphs.NAMES)
def test_groups_are_called_by_what_they_are(pipeline: str) -> None:
    spec = graphs.graph(pipeline)
    groups = [spec.root, *(each for each in spec.components.values() if each.HasField("dag"))]
    names = {task.task_info.name for group in groups for task in group.dag.tasks.values()}
    assert {"from data to live model", "passed", "rejected"} <= names
    assert ("side by side" in names) is (pipeline == "tabular")
