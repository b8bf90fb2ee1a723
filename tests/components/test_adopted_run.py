"""The run that Kubeflow's MLflow integration opened is written on; a project's is left alone."""

import pytest

from components import tracked_outcome, tracking
from components.adopted_run import GIVEN, PARENT, SOURCE_TYPE
from components.tracked_outcome import SUCCEEDED, Outcome
from serving.settings import Settings

pytestmark = pytest.mark.thorough  # a real MLflow store


def opened(parent: str = "") -> str:
    tracker = tracking.connect()
    found = tracker.get_experiment_by_name("kfp")
    experiment = found.experiment_id if found else tracker.create_experiment("kfp")
    tags = {PARENT: parent} if parent else {}
    return str(tracker.create_run(experiment, tags=tags).info.run_id)


def test_the_steps_of_a_pipeline_write_on_the_outermost_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubeflow names each task's own run, below that of a group of tasks, below the pipeline's."""
    pipeline = opened()
    group = opened(pipeline)
    for task in (opened(pipeline), opened(group)):
        monkeypatch.setenv(GIVEN, task)
        assert tracking.open_run("iris", "k1") == pipeline
    assert tracking.connect().get_experiment_by_name("iris") is None
    assert tracked_outcome.record("iris", "k1", Outcome(SUCCEEDED)) == pipeline


def test_a_run_that_another_pipeline_has_taken_is_left_to_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = opened()
    monkeypatch.setenv(GIVEN, given)
    assert tracking.open_run("iris", "k1") == given
    second = tracking.open_run("iris", "k2")
    assert second != given
    assert tracking.open_run("iris", "k2") == second


def test_the_run_of_a_project_is_left_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = opened()
    tracking.connect().set_tag(given, SOURCE_TYPE, "PROJECT")
    monkeypatch.setenv(GIVEN, given)
    assert tracking.open_run("iris", "k1") != given


@pytest.mark.parametrize("given", ["", "0" * 32, "not a run's id"])
def test_a_name_of_no_run_is_not_believed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv(GIVEN, given)
    own = tracking.open_run("iris", "k1")
    assert tracking.connect().get_run(own).info.run_name == "k1"
