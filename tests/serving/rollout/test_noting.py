"""What a rollout writes to the ledger, before which change, and what happens where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from serving.rollout import manual
from serving.rollout.begin import run
from serving.rollout.ledger import LedgerError
from serving.rollout.live import standing
from serving.rollout.outcome import Event
from serving.rollout.record import TAKEN_OVER, Model
from serving.rollout.undo import rollback
from tests.serving.rollout.fake_cluster import Behaviour
from tests.serving.rollout.stage import NAME, STEPS, Stage, request, state_of, uri
from tests.serving.rollout.test_kill import STORIES, gone_on, killed_runs
from tests.serving.rollout.test_rivals import HAND_MADE, race

GOOD = ["begun", "split", "split", "promoting", "promoted"]
BAD = ["begun", "split", "rolling_back", "rolled_back"]


def bad(stage: Stage) -> None:
    stage.cluster.behaviours[uri("2")] = Behaviour(error_rate=0.5)


def broken(stage: Stage) -> None:
    stage.cluster.behaviours[uri("2")] = Behaviour(load_failure="no model.onnx")


def silent(stage: Stage) -> None:
    stage.cluster.requests_per_s = 1.0


@pytest.mark.parametrize(
    ("what", "kinds", "why"),
    [
        pytest.param(lambda stage: None, GOOD, "version 2 was good at 10 %, 50 %", id="good"),
        pytest.param(bad, BAD, "error rate", id="bad"),
        pytest.param(broken, ["begun", "rolling_back", "rolled_back"], "model.onnx", id="broken"),
        pytest.param(silent, ["begun", "split", "held"], "no verdict at 10 %", id="held"),
    ],
)
def test_a_story_is_written_down_with_its_reasons(
    what: Callable[[Stage], None], kinds: list[str], why: str
) -> None:
    stage = Stage.with_live("1")
    what(stage)
    outcome = stage.run("2", replace(STEPS, max_seconds=20))
    assert stage.ledger.kinds("2") == kinds
    last = stage.ledger.chain(NAME).records[-1].entry
    assert why in last.why
    assert (last.to, last.before) == (Model("2", uri("2")), Model("1", uri("1")))
    assert last.evidence == outcome.evidence
    assert (last.run, last.rollout, last.holder) == ("run-2", state_of(stage).id, "first")


def test_a_first_version_is_written_down_as_one_that_nothing_was_before() -> None:
    stage = Stage()
    stage.run("1")
    records = stage.ledger.chain(NAME).records
    assert [record.entry.kind for record in records] == ["begun", "promoted"]
    assert all(record.entry.before is None for record in records)
    assert records[0].entry.why == "rolling out; nothing is live yet"


@pytest.mark.parametrize(
    ("decide", "kinds"),
    [
        (manual.resume, ["resumed", "split", "promoting", "promoted"]),
        (manual.promote, ["promoting", "promoted"]),
        (manual.abort, ["rolling_back", "rolled_back"]),
    ],
)
def test_a_person_s_decision_is_written_down_as_theirs(
    decide: Callable[..., Any], kinds: list[str]
) -> None:
    stage = Stage.held()
    decide(stage.world("a person"), NAME)
    assert stage.ledger.kinds("2") == ["begun", "split", "held", *kinds]
    added = [record.entry for record in stage.ledger.records if record.entry.holder == "a person"]
    assert [entry.kind for entry in added] == kinds
    if decide is not manual.resume:
        assert "by hand" in added[0].why


def test_the_record_is_there_before_the_change_and_the_service_has_its_receipt() -> None:
    stage = Stage.with_live("1")
    seen: list[tuple[str, int | None]] = []
    patch = stage.cluster.patch

    def watched(name: str, body: dict[str, Any]) -> Any:
        newest = stage.ledger.records[-1].entry
        seen.append((newest.kind, body.get("spec", {}).get("predictor", {}).get(PERCENT, -1)))
        view = patch(name, body)
        assert stage.ledger.chain(NAME).holds(state_of(stage).ledger)
        return view

    stage.cluster.patch = watched  # type: ignore[method-assign, assignment]
    assert stage.run("2").kind == "promoted"
    splits = [each for each in seen if each[1] != -1]
    assert splits == [("begun", 0), ("split", 10), ("split", 50), ("promoting", None)]
    assert seen[-1][0] == "promoted"
    assert state_of(stage).ledger.startswith(f"{len(stage.ledger.records)}:")


PERCENT = "canaryTrafficPercent"


@pytest.mark.thorough
@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
@pytest.mark.parametrize(("setting", "version", "kind", "live"), STORIES)
def test_a_kill_at_any_effect_writes_nothing_twice_and_the_end_once(
    setting: Callable[[], Stage], version: str, kind: str, live: dict[str, int], after: bool
) -> None:
    for stage in killed_runs(setting, version, after):
        gone_on(stage, version)
        records = stage.ledger.chain(NAME).records
        decided = [record.entry for record in records if record.entry.kind != TAKEN_OVER]
        keys = [entry.key for entry in decided]
        assert len(keys) == len(set(keys))
        end = "promoted" if kind == "promoted" else "rolled_back"
        assert [e.kind for e in decided if e.to.version == version].count(end) == 1
        now = standing(records).live
        assert {now.model.uri: 100} == live if now else live == {}


def test_without_a_ledger_nothing_begins() -> None:
    stage = Stage.with_live("1")
    stage.ledger.full = True
    with pytest.raises(LedgerError, match="disk full"):
        stage.run("2")
    assert stage.cluster.patches == []
    assert stage.live() == {uri("1"): 100}


@pytest.mark.parametrize("percent", [10, 50])
def test_a_ledger_that_fills_up_stops_the_traffic_where_it_is(percent: int) -> None:
    stage = Stage.with_live("1")

    def fill(event: Event) -> None:
        stage.ledger.full = stage.ledger.full or event.percent == percent

    with pytest.raises(LedgerError):
        run(replace(stage.world(), report=fill), request("2"))
    assert stage.live() == {uri("1"): 100 - percent, uri("2"): percent}
    assert "2" not in stage.recorder.written
    stage.ledger.full = False
    assert manual.resume(stage.world("a person"), NAME).kind == "promoted"
    assert stage.ledger.kinds("2").count("promoted") == 1


def test_a_bad_canary_leaves_the_traffic_even_where_that_cannot_be_written() -> None:
    stage = Stage.with_live("1")
    bad(stage)

    def fill(event: Event) -> None:
        stage.ledger.full = True

    with pytest.raises(LedgerError):
        run(replace(stage.world(), report=fill_at_split(fill)), request("2"))
    assert stage.live() == {uri("1"): 100}
    assert "2" not in stage.recorder.written
    stage.ledger.full = False
    assert manual.resume(stage.world("a person"), NAME).kind == "rolled_back"
    assert stage.ledger.kinds("2") == ["begun", "split", "taken_over", "rolled_back"]
    assert "error rate" in stage.ledger.records[-1].entry.why


def fill_at_split(fill: Callable[[Event], None]) -> Callable[[Event], None]:
    return lambda event: fill(event) if event.kind == "split" else None


@pytest.mark.parametrize(("patch", "said"), HAND_MADE)
def test_a_rollout_that_gives_way_says_to_whom(patch: dict[str, Any], said: str) -> None:
    stage = Stage.with_live("1")

    def interfere(event: Event) -> None:
        if event.kind == "split" and event.percent == 10:
            stage.cluster.patch(NAME, patch)

    run(replace(stage.world(), report=interfere), request("2"))
    assert stage.ledger.kinds("2") == ["begun", "split", "conflict"]
    assert said in stage.ledger.records[-1].entry.why


def test_of_two_racing_rollouts_the_ledger_has_one_that_went_live() -> None:
    for seed in range(20):
        stage = Stage.with_live("1")
        outcomes = race(stage, seed, ("2", "3"))
        kinds = {version: outcome.kind for version, outcome in outcomes.items()}
        winner, loser = ("2", "3") if kinds["2"] == "promoted" else ("3", "2")
        records = stage.ledger.chain(NAME).records
        now = standing(records).live
        assert now is not None and now.model.version == winner
        assert stage.ledger.kinds(loser) in ([], ["begun", "conflict"])


def test_a_rollout_that_another_process_carries_on_is_in_no_conflict() -> None:
    stage = Stage.with_live("1")
    taken: list[str] = []

    def stolen(event: Event) -> None:
        if event.kind == "split" and event.percent == 10 and not taken:
            taken.append("now")
            taken.append(manual.resume(stage.world("the next"), NAME).kind)

    outcome = run(replace(stage.world(), report=stolen), request("2"))
    assert (outcome.kind, taken[1]) == ("promoted", "promoted")
    kinds = stage.ledger.kinds("2")
    assert kinds == ["begun", "split", "taken_over", "split", "promoting", "promoted"]
    assert "taken over from first" in stage.ledger.records[-4].entry.why


def test_a_ledger_of_a_rollout_older_than_it_begins_in_the_middle() -> None:
    stage = Stage.held()
    stage.ledger.records.clear()
    assert manual.promote(stage.world(), NAME).kind == "promoted"
    assert stage.ledger.kinds() == ["promoting", "promoted"]
    now = standing(stage.ledger.records).live
    assert now is not None
    assert [each.model.version for each in (now, *now.older())] == ["2", "1"]


def test_rollback_is_written_down_as_an_end_of_what_was_live() -> None:
    stage = Stage.with_live("1")
    stage.run("2")
    rollback(stage.world("a person"), NAME)
    assert stage.ledger.kinds("2") == [*GOOD, "rolling_back", "rolled_back"]
    assert stage.ledger.records[-1].entry.why == "gone back to version 1 by hand"
