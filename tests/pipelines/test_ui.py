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
    "monitor": {HTML, METRICS},
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


@pytest.mark.parametrize("pipeline", ["tabular", "image"])
def test_groups_are_called_by_what_they_are(pipeline: str) -> None:
    spec = graphs.graph(pipeline)
    groups = [spec.root, *(each for each in spec.components.values() if each.HasField("dag"))]
    names = {task.task_info.name for group in groups for task in group.dag.tasks.values()}
    assert {"from data to live model", "passed", "rejected"} <= names
    assert ("side by side" in names) is (pipeline == "tabular")


def test_trials_are_measured_by_pods_side_by_side_and_collected() -> None:
    spec = graphs.graph("tabular")
    groups = [each.dag.tasks for each in spec.components.values() if each.HasField("dag")]
    loops = [
        task for tasks in groups for task in tasks.values() if task.HasField("parameter_iterator")
    ]
    assert len(loops) == 1
    loop = loops[0]
    shards = loop.inputs.parameters[loop.parameter_iterator.items.input_parameter]
    assert shards.task_output_parameter.producer_task == "draw-trials"
    assert loop.iterator_policy.parallelism_limit == 0  # as many as were drawn: tune_pods at most
    inside = spec.components[loop.component_ref.name].dag
    assert set(inside.tasks) == {"measure-trials"}
    chosen = next(tasks["choose-trial"] for tasks in groups if "choose-trial" in tasks)
    measured = chosen.inputs.parameters["measured"].task_output_parameter
    assert measured.producer_task in {key for tasks in groups for key in tasks}
    assert measured.output_parameter_key in inside.outputs.parameters
