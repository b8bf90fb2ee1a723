"""A spec with a search: the trials below one MLflow run, the best of them live."""

import pytest

from tests.e2e.conftest import ROOT, Installation, outcome

pytestmark = [pytest.mark.kfp, pytest.mark.timeout(300)]

TUNE = "tune={method: grid, cv: 3, space: {max_depth: [1, null], max_features: [sqrt, 0.9]}}"
IRIS = str(ROOT / "pipelines" / "specs" / "iris.yaml")


def test_a_grid_of_four_is_tried_and_the_best_one_is_trained_and_live(here: Installation) -> None:
    changes = ("name=tuned", TUNE, "rollout.steps=[100]")
    done = here.kanarya("run", IRIS, *(w for c in changes for w in ("--set", c)), "--json")
    result = outcome(done)
    assert (done.returncode, result["outcome"]) == (0, "promoted"), done.stderr
    steps = [step["name"] for step in result["steps"]]
    assert steps[2:7] == ["split", "draw-trials", "measure-trials", "choose-trial", "train"]
    assert "go-untuned" not in steps
    run = here.mlflow.get_run(here.mlflow.get_model_version("tuned", "1").run_id)
    below = f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
    trials = here.mlflow.search_runs([run.info.experiment_id], below)
    assert sorted(each.info.run_name for each in trials) == [f"trial-{n}" for n in range(1, 5)]
    assert {each.info.status for each in trials} == {"FINISHED"}
    best = max(each.data.metrics["cv.accuracy"] for each in trials)
    named = {each.info.run_name: each for each in trials}
    chosen = named[run.data.params["tune.best"]]
    assert chosen.data.metrics["cv.accuracy"] == best
    tried = chosen.data.params
    assert {key: run.data.params[key] for key in tried} == tried
    kept = {file.path for file in here.mlflow.list_artifacts(run.info.run_id, "tuning")}
    assert {"tuning/trials.csv", "tuning/parallel.svg", "tuning/tuning.html"} <= kept
    for metric in ("system/tune/memory_megabytes", "system/train/cpu_cores"):
        assert here.mlflow.get_metric_history(run.info.run_id, metric), metric
    assert here.open_runs() == []
