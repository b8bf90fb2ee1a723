"""The part of a spec that says when a model is trained again."""

from typing import Any

import pytest

from pipelines.spec import parse
from serving.errors import UsageError

TABLE = {"name": "iris", "data": {"uri": "/data/iris.csv", "target": "species"}}
NUMBERS = {**TABLE, "task": "tabular-regression"}
PICTURES = {"name": "cats", "task": "image", "data": {"uri": "/data/cats.zip"}}


def asked(document: dict[str, Any], **when: Any) -> Any:
    return parse({**document, "retrain": {"when": when}}, "a.yaml").retrain


def test_a_schedule_is_six_fields_and_a_metric_is_the_tasks() -> None:
    assert asked(TABLE, schedule="0 3 * * 7").when.schedule == "0 0 3 * * 0"
    for document, metric in ((TABLE, "accuracy"), (NUMBERS, "rmse"), (PICTURES, "accuracy")):
        assert asked(document, live={"floor": 0.5}).when.live.metric == metric
    assert parse(TABLE, "a.yaml").retrain is None


@pytest.mark.parametrize(
    ("document", "retrain", "said"),
    [
        (TABLE, {}, "retrain.when is missing"),
        (TABLE, {"when": {}}, "say what starts it: drift, live, data or schedule"),
        (TABLE, {"when": {"data": False}}, "say what starts it"),
        (TABLE, {"when": {"schedule": "0 3"}}, "retrain.when.schedule = '0 3': '0 3' has 2 fields"),
        (TABLE, {"when": {"schedule": "0 0 32 2 *"}}, "the day of month is not valid"),
        (TABLE, {"when": {"drift": {"windows": 3, "of": 2}}}, "3 windows of the last 2"),
        (TABLE, {"when": {"drift": {"rows": 49}}}, "retrain.when.drift.rows = 49"),
        (TABLE, {"when": {"live": {}}}, "retrain.when.live.floor is missing"),
        (TABLE, {"when": {"live": {"floor": 90}}}, "an accuracy is 1 at most"),
        (
            NUMBERS,
            {"when": {"live": {"metric": "accuracy", "floor": 1}}},
            "labels tell rmse or mae",
        ),
        (PICTURES, {"when": {"live": {"metric": "mae", "floor": 1}}}, "labels tell accuracy"),
        (TABLE, {"when": {"data": True}, "cooldown_hours": -1}, "retrain.cooldown_hours = -1"),
        (TABLE, {"when": {"data": True}, "budget": {"runs": 0}}, "retrain.budget.runs = 0"),
        (TABLE, {"on": {"data": True}}, "retrain.on is not a known key"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    document: dict[str, Any], retrain: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        parse({**document, "retrain": retrain}, "a.yaml")
    assert said in str(refused.value)
