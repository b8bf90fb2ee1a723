"""Whole rollouts on the fake cluster, told as stories."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from serving.isvc.resource import LIVE_VERSION, ROLLOUT, manifest
from serving.rollout.begin import run
from serving.rollout.state import Phase, rollout_of
from tests.serving.rollout.fake_cluster import Behaviour
from tests.serving.rollout.stage import NAME, STEPS, Stage, request, uri


def percents(stage: Stage) -> list[object]:
    """What the patches asked for, in order; "-" where only the state was written."""
    asked = [patch.get("spec", {}).get("predictor", {}) for patch in stage.cluster.patches]
    return [spec["canaryTrafficPercent"] for spec in asked if "canaryTrafficPercent" in spec]


def test_the_first_version_creates_the_service_and_is_promoted_when_it_is_ready() -> None:
    stage = Stage()
    outcome = stage.run("1")
    assert (outcome.kind, outcome.live_version) == ("promoted", "1")
    assert stage.live() == {uri("1"): 100}
    assert stage.recorder.written == {"1": "promoted"}
    view = stage.cluster.get(NAME)
    assert view is not None and view.annotations[LIVE_VERSION] == "1"
    assert view.annotations["serving.kserve.io/enable-tag-routing"] == "true"


def test_a_new_service_gets_the_account_that_is_asked_for_and_keeps_it() -> None:
    stage = Stage()
    asked = replace(stage.world(), account="kanarya-predictor")
    assert run(asked, request("1")).kind == "promoted"
    assert stage.run("2").kind == "promoted"
    view = stage.cluster.get(NAME)
    assert view is not None and view.predictor["serviceAccountName"] == "kanarya-predictor"
    assert (
        "serviceAccountName"
        not in manifest(NAME, "ml", uri("1"), annotations={})["spec"]["predictor"]
    )


def test_a_good_version_climbs_the_steps_with_one_spec_patch_a_step() -> None:
    stage = Stage.with_live("1")
    outcome = stage.run("2")
    assert (outcome.kind, outcome.live_version) == ("promoted", "2")
    assert percents(stage) == [0, 10, 50, None]
    assert stage.live() == {uri("2"): 100}
    assert stage.recorder.written == {"1": "promoted", "2": "promoted"}
    assert [e.percent for e in stage.events if e.kind == "split"] == [10, 50, 100]
    assert "error rate 0.0 % (canary" in outcome.evidence[0]


@pytest.mark.parametrize(
    ("bad_from", "asked", "verdicts"),
    [
        pytest.param(10, [0, 10, 0], ["bad"], id="bad at once -> rolled back at 10 %"),
        pytest.param(25, [0, 10, 25, 0], ["good", "bad"], id="good, bad -> at 25 %"),
        pytest.param(
            50, [0, 10, 25, 50, 0], ["good", "good", "bad"], id="good, good, bad: at 50 %"
        ),
    ],
)
def test_a_bad_step_rolls_back_by_percent_0_alone(
    bad_from: int, asked: list[int], verdicts: list[str]
) -> None:
    stage = Stage.with_live("1")
    policy = replace(STEPS, steps=(10, 25, 50, 100))

    def turn_bad(event: object) -> None:
        if getattr(event, "kind", "") == "split" and getattr(event, "percent", 0) == bad_from:
            stage.cluster.behaviours[uri("2")].error_rate = 0.5

    stage.cluster.behaviours[uri("2")] = Behaviour()
    stage.events = Listener(turn_bad)  # type: ignore[assignment]
    outcome = stage.run("2", policy)
    assert (outcome.kind, outcome.live_version) == ("rolled_back", "1")
    assert percents(stage) == asked
    assert stage.live() == {uri("1"): 100}
    assert stage.recorder.written["2"] == "rolled back"
    assert "against 0.0 % (stable) + 2.0 %; chance does that in one of" in outcome.reason
    view = stage.cluster.get(NAME)
    assert view is not None
    assert [judged.verdict for judged in rollout_of(view).history] == verdicts  # type: ignore[union-attr]
    roll_back = next(p for p in reversed(stage.cluster.patches) if "spec" in p)
    assert roll_back["spec"] == {"predictor": {"canaryTrafficPercent": 0}}


class Listener:
    def __init__(self, heard: object) -> None:
        self.heard = heard

    def append(self, event: object) -> None:
        self.heard(event)  # type: ignore[operator]


def test_a_slow_version_is_rolled_back_with_both_percentiles_in_the_sentence() -> None:
    stage = Stage.with_live("1")
    stage.cluster.behaviours[uri("2")] = Behaviour(latency_s=0.09)
    outcome = stage.run("2")
    assert outcome.kind == "rolled_back"
    assert "slower than 10 ms: 100.0 % (canary, 20 requests)" in outcome.reason
    assert "p95 97.5 ms against 4.8 ms" in outcome.reason


def test_a_version_that_cannot_be_loaded_never_gets_traffic() -> None:
    stage = Stage.with_live("1")
    stage.cluster.behaviours[uri("2")] = Behaviour(load_failure="model.onnx: digest differs")
    outcome = stage.run("2")
    assert outcome.kind == "rolled_back"
    assert "ModelLoadFailed, exit code 1, model.onnx: digest differs" in outcome.reason
    assert percents(stage) == [0, 0]
    assert stage.live() == {uri("1"): 100}


def test_a_version_that_is_never_ready_is_rolled_back_at_the_timeout() -> None:
    stage = Stage.with_live("1")
    stage.cluster.behaviours[uri("2")] = Behaviour(load_s=1e9)
    began = stage.cluster.now
    outcome = stage.run("2")
    assert outcome.kind == "rolled_back"
    assert "no ready revision of version 2 after 20 s" in outcome.reason
    assert stage.cluster.now - began < 25


def test_a_first_version_that_cannot_be_loaded_fails_and_a_repaired_one_then_goes_live() -> None:
    stage = Stage()
    stage.cluster.behaviours[uri("1")] = Behaviour(load_failure="no model.onnx")
    outcome = stage.run("1")
    assert (outcome.kind, outcome.live_version) == ("failed", None)
    assert "no model.onnx" in outcome.reason
    assert stage.recorder.written == {"1": "rolled back"}
    assert stage.run("2").kind == "promoted"
    assert stage.live() == {uri("2"): 100}


def test_the_model_that_is_live_already_is_promoted_without_a_patch() -> None:
    stage = Stage.with_live("1")
    outcome = stage.run("1")
    assert (outcome.kind, outcome.reason) == ("promoted", "it was already live")
    assert stage.cluster.patches == []


def test_after_a_rollback_the_version_that_stayed_live_counts_as_live() -> None:
    stage = Stage.with_live("1")
    stage.cluster.behaviours[uri("2")] = Behaviour(error_rate=0.5)
    assert stage.run("2").kind == "rolled_back"
    assert stage.run("1").reason == "it was already live"


def test_a_rolled_back_version_gets_no_traffic_while_the_next_one_starts() -> None:
    stage = Stage.with_live("1")
    stage.cluster.behaviours[uri("2")] = Behaviour(error_rate=0.5)
    assert stage.run("2").kind == "rolled_back"
    stage.cluster.splits.clear()
    assert stage.run("3").kind == "promoted"
    second = "iris-predictor-00002"
    assert all(split[second] == 0 for split in stage.cluster.splits)


def test_a_rolled_back_version_may_be_tried_again() -> None:
    stage = Stage.with_live("1")
    stage.cluster.behaviours[uri("2")] = Behaviour(error_rate=0.5)
    assert stage.run("2").kind == "rolled_back"
    stage.cluster.behaviours[uri("2")] = Behaviour()
    assert stage.run("2").kind == "promoted"
    assert stage.live() == {uri("2"): 100}


def test_the_stable_revision_of_the_third_rollout_is_the_second_version() -> None:
    stage = Stage.with_live("1")
    assert stage.run("2").kind == "promoted"
    stage.cluster.behaviours[uri("3")] = Behaviour(error_rate=1.0)
    outcome = stage.run("3")
    assert (outcome.kind, outcome.live_version) == ("rolled_back", "2")
    assert stage.live() == {uri("2"): 100}


def test_without_traffic_the_rollout_is_held_and_says_what_is_missing() -> None:
    stage = Stage.with_live("1")
    stage.cluster.requests_per_s = 1.0
    outcome = stage.run("2", replace(STEPS, max_seconds=50))
    assert outcome.kind == "held"
    assert "no verdict at 10 % after 50 s: the canary had 5 requests, 165 more" in outcome.reason
    assert "kanarya rollout resume iris" in outcome.reason
    assert stage.live() == {uri("1"): 90, uri("2"): 10}
    assert "2" not in stage.recorder.written


@pytest.mark.parametrize(
    ("policy", "kind"), [("promote", "promoted"), ("abort", "rolled_back"), ("hold", "held")]
)
def test_the_policy_decides_when_there_were_too_few_requests(policy: str, kind: str) -> None:
    stage = Stage.with_live("1")
    stage.cluster.requests_per_s = 1.0
    outcome = stage.run("2", replace(STEPS, on_inconclusive=policy, max_seconds=5))  # type: ignore[arg-type]
    assert outcome.kind == kind


@pytest.mark.parametrize(("policy", "kind"), [("promote", "held"), ("hold", "held")])
def test_a_source_that_is_down_never_promotes(policy: str, kind: str) -> None:
    stage = Stage.with_live("1")
    stage.source.down = lambda now: True
    outcome = stage.run("2", replace(STEPS, on_inconclusive=policy))  # type: ignore[arg-type]
    assert outcome.kind == kind
    assert "Connection refused" in outcome.reason
    assert stage.live() == {uri("1"): 90, uri("2"): 10}


def test_a_source_that_comes_back_is_used() -> None:
    stage = Stage.with_live("1")
    back_at = stage.cluster.now + 15
    stage.source.down = lambda now: now < back_at
    assert stage.run("2").kind == "promoted"


def test_a_restarted_gateway_counts_from_zero_again_and_the_rollout_goes_on() -> None:
    stage = Stage.with_live("1")
    restart_at = stage.cluster.now + 2.5

    def down(now: float) -> bool:
        if now >= restart_at and stage.source.epoch == 1.0:
            stage.source.epoch = 2.0
            for revision in stage.cluster.revisions[NAME]:
                revision.requests = revision.errors = 0.0
                revision.slow.clear()
        return False

    stage.source.down = down
    outcome = stage.run("2")
    assert (outcome.kind, stage.source.epoch) == ("promoted", 2.0)


def test_errors_of_an_earlier_life_of_the_same_revision_do_not_count() -> None:
    stage = Stage.with_live("1")
    stage.cluster.behaviours[uri("2")] = Behaviour(error_rate=1.0)
    assert stage.run("2").kind == "rolled_back"
    assert stage.cluster.revisions[NAME][1].errors > 0
    stage.cluster.behaviours[uri("2")] = Behaviour()
    assert stage.run("2").kind == "promoted"


def test_every_patch_carries_the_resource_version_and_the_state() -> None:
    stage = Stage.with_live("1")
    stage.run("2")
    assert stage.cluster.patches
    for patch in stage.cluster.patches:
        assert patch["metadata"]["resourceVersion"]
        assert len(patch["metadata"]["annotations"][ROLLOUT].encode()) < 8192
    begin = stage.cluster.patches[0]["spec"]["predictor"]
    assert begin == {"model": {"storageUri": uri("2")}, "canaryTrafficPercent": 0}


def test_an_unreadable_annotation_is_told_with_its_remedy() -> None:
    from serving.errors import ServiceError

    stage = Stage.with_live("1")
    stage.cluster.patch(NAME, {"metadata": {"annotations": {ROLLOUT: json.dumps({"format": 9})}}})
    with pytest.raises(ServiceError, match="kubectl annotate isvc iris"):
        stage.run("2")


def test_the_state_is_over_after_each_story() -> None:
    stage = Stage.with_live("1")
    stage.run("2")
    view = stage.cluster.get(NAME)
    assert view is not None
    state = rollout_of(view)
    assert state is not None and state.phase is Phase.PROMOTED and state.baseline is None
