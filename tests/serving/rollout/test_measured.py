"""The numbers behind a verdict: in the ledger with the decision, finite, and not in the state."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from serving.rollout.guards import Guard
from serving.rollout.judge import Case, Judgement, Verdict
from serving.rollout.measured import measured
from serving.rollout.policy import Policy
from serving.rollout.record import Record
from serving.rollout.state import Judged, rollout_of
from tests.serving.rollout.fake_cluster import Behaviour
from tests.serving.rollout.stage import NAME, STEPS, Stage, uri


def written(stage: Stage) -> list[tuple[str, Mapping[str, Any]]]:
    entries = [record.entry for record in stage.ledger.records if record.entry.to.version == "2"]
    return [(entry.kind, entry.measured) for entry in entries]


def test_every_decision_is_written_with_the_numbers_that_it_was_made_on() -> None:
    stage = Stage.with_live("1")
    stage.run("2")
    found = written(stage)
    judged = [(kind, m["percent"], m["verdict"]) for kind, m in found if m]
    assert judged == [("split", 10, "good"), ("promoting", 50, "good")]
    first, second = (m for _, m in found if m)
    assert 0 < first["canary"]["requests"] < second["canary"]["requests"]
    assert {"error rate", "slower than 10 ms"} <= {guard["name"] for guard in first["guards"]}
    for guard in second["guards"][:2]:
        assert guard["harm"] < guard["allowed"]
        assert guard["safety"] >= second["enough"] == pytest.approx(-math.log(0.05), rel=1e-5)
        assert guard["value"] <= guard["limit"]


def test_a_bad_one_has_the_evidence_against_it() -> None:
    stage = Stage.with_live("1")
    stage.cluster.behaviours[uri("2")] = Behaviour(error_rate=0.5)
    stage.run("2")
    kind, numbers = next((kind, m) for kind, m in written(stage) if m)
    assert (kind, numbers["verdict"]) == ("rolling_back", "bad")
    assert numbers["canary"]["errors"] > 0 == numbers["stable"]["errors"]
    assert numbers["guards"][0]["harm"] >= numbers["guards"][0]["allowed"]


def test_the_rules_of_a_rollout_are_in_its_first_record_alone() -> None:
    stage = Stage.with_live("1")
    stage.run("2")
    policies = [dict(record.entry.policy) for record in stage.ledger.records[2:]]
    assert policies == [STEPS.to_json(), {}, {}, {}, {}]


def test_nothing_of_it_is_in_the_annotation_and_a_record_is_the_same_bytes_again() -> None:
    stage = Stage.with_live("1")
    stage.run("2")
    view = stage.cluster.get(NAME)
    assert view is not None
    state = rollout_of(view)
    assert state is not None
    assert [judged.percent for judged in state.history] == [10, 50]
    assert "harm" not in state.to_json()
    for record in stage.ledger.records:
        assert Record.from_bytes(record.to_bytes()) == record


def test_a_record_without_numbers_is_written_as_it_always_was() -> None:
    record = Stage.with_live("1").ledger.records[-1]
    value = record.to_json()
    assert "measured" not in value and "policy" not in value
    bare = replace(record, entry=replace(record.entry, policy={"alpha": 0.05}))
    assert list(bare.to_json())[-1] == "policy"


HARMS = [(math.inf, None), (-math.inf, None), (math.nan, None), (1.23456789, 1.23457)]


@pytest.mark.parametrize(("harm", "kept"), HARMS)
def test_what_is_no_number_is_left_out(harm: float, kept: float | None) -> None:
    guard = Guard("slow:", 0.1, 0.2, "", harm, 3.0)
    found = measured(Case(), Judgement(Verdict.TOO_FEW, (guard,)), Policy(), 10)
    assert found["guards"][0].get("harm") == kept
    assert found["guards"][0]["name"] == "slow"
    assert "p95_s" not in found["canary"]
    json.dumps(found, allow_nan=False)


def test_without_a_source_there_is_a_verdict_and_no_number() -> None:
    found = measured(None, Judgement(Verdict.NOT_MEASURED), Policy(), 10)
    assert (found["verdict"], found["guards"], "canary" in found) == ("not measured", [], False)
    assert Judged(10, "not measured").numbers == {}
