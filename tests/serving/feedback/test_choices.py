"""Which predictions are kept: as the spec says, through the card, to the predictor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.spec import parse, pipeline_arguments
from serving.card import Card, feedback_of
from serving.errors import ModelError, UsageError
from serving.feedback.calling import call
from serving.signature import Signature
from tests.serving.feedback.collecting import collector
from tests.serving.predictor.running import ROW, Predictor

CARD = Card(
    "iris", "tree", Signature((), ("x",)), "a" * 64, {}, {}, 18, "2026-01-01T00:00:00+00:00"
)
SPEC = {"name": "iris", "data": {"uri": "iris.csv", "target": "species"}}


@pytest.mark.parametrize(
    ("serving", "kept"),
    [({}, "asked"), ({"feedback": "all"}, "all"), ({"feedback": "none"}, "none")],
)
def test_the_spec_says_it_to_the_pipeline(serving: dict[str, Any], kept: str) -> None:
    spec = parse({**SPEC, "serving": serving}, "iris.yaml")
    assert pipeline_arguments(spec)["feedback"] == kept
    assert feedback_of(kept) == kept


def test_what_there_is_no_choice_of_is_refused() -> None:
    with pytest.raises(UsageError, match=r"serving.feedback = .some."):
        parse({**SPEC, "serving": {"feedback": "some"}}, "iris.yaml")
    with pytest.raises(UsageError, match="feedback: 'some' is not one of asked, all, none"):
        feedback_of("some")


def test_a_card_without_the_choice_is_of_an_earlier_release_and_one_with_another_is_damaged() -> (
    None
):
    written = replace(CARD, feedback="all").to_json()
    assert Card.from_json(written).feedback == "all"
    assert Card.from_json({k: v for k, v in written.items() if k != "feedback"}) == CARD
    with pytest.raises(ModelError, match="the feedback 'some', known are asked, all, none"):
        Card.from_json({**written, "feedback": "some"})


@pytest.mark.e2e
def test_two_workers_give_ids_and_keep_everything_and_end_with_nothing_unsent(
    mixed_model_dir: Path, tmp_path: Path
) -> None:
    with collector(tmp_path / "feedback") as url:
        flags = ("--feedback_url", url, "--feedback", "all", "--workers", "2")
        with Predictor(mixed_model_dir, "people", tmp_path / "log", *flags) as predictor:
            predictor.wait()
            for _ in range(4):
                assert predictor.v1({"instances": [ROW, ROW]})[0] == 200
            status, said = predictor.ask(
                "POST", "/v1/models/people:feedback", {"id": "mine", "label": 1}
            )
            assert (status, said) == (200, {"model": "people", "kept": 1, "matched": 0})
            assert predictor.v1({"instances": [ROW]}, **{"x-request-id": "mine"})[0] == 200
        found = call(f"{url}/people")["versions"]["3"]
    assert (found["predictions"], found["labels"]) == (9, 0)
