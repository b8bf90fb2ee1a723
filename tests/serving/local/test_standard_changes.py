"""Standard mode with real processes: rolling updates, stops, restarts, impossible specs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serving.local.resources import DEPLOYMENTS, HTTP_ROUTES, INFERENCE_SERVICES, PODS
from tests.serving.local.a3_rows import Loads
from tests.serving.local.platform_kit import (
    Models,
    eventually,
    model,
    platform,
    ready,
    run,
)
from tests.serving.local.standard_kit import (
    CANARY,
    STABLE,
    answered,
    canary,
    live,
    lived,
    names,
    pods,
    split,
    weights,
    with_canary,
)

pytestmark = pytest.mark.e2e  # real processes


def test_another_model_of_the_stable_one_is_a_rolling_update_and_ready_stays_true(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with lived(tmp_path) as (on, models):
            on.change(predictor=model(models.make("m2", Loads.WHEN_TOLD)))
            await eventually(lambda: len(names(on, PODS)) == 2)
            assert on.condition()["status"] == "True"
            assert (await answered(on))["model"] == "m1"
            assert on.status()["observedGeneration"] == 2
            models.load("m2")
            await eventually(lambda: len(names(on, PODS)) == 1)
            answer = await answered(on)
            assert (answer["model"], answer["said"]) == ("m2", STABLE)

    run(test())


def test_a_rolling_update_to_a_broken_model_leaves_the_old_one_serving(tmp_path: Path) -> None:
    async def test() -> None:
        async with lived(tmp_path) as (on, models):
            on.change(predictor=model(models.make("m2", Loads.NEVER)))
            await eventually(lambda: any("CrashLoop" in json.dumps(p) for p in pods(on)))
            on.change(predictor=model(models.make("m3", Loads.NEVER)))
            await eventually(lambda: sum("CrashLoop" in json.dumps(p) for p in pods(on)) == 1)
            await eventually(lambda: len(names(on, PODS)) == 2)
            assert on.condition()["status"] == "True"
            assert (await answered(on))["model"] == "m1"

    run(test())


def test_the_strategy_recreate_ends_the_old_one_first(tmp_path: Path) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models, deploymentStrategy={"type": "Recreate"})
            on.change(predictor=model(models.make("m2", Loads.WHEN_TOLD)))
            await ready(on, "False")
            assert on.condition("PredictorReady")["reason"] == "MinimumReplicasUnavailable"
            models.load("m2")
            await ready(on)

    run(test())


def test_a_stopped_service_has_no_deployments_and_comes_back(tmp_path: Path) -> None:
    async def test() -> None:
        async with platform(tmp_path) as on:
            await with_canary(on, Models(tmp_path))
            kept = on.isvc()["metadata"]["annotations"]
            on.annotate(**kept, **{"serving.kserve.io/stop": "true"})
            await eventually(lambda: not on.processes.running())
            assert not names(on, DEPLOYMENTS) + names(on, PODS) + names(on, HTTP_ROUTES)
            for kind in ("PredictorReady", "Ready", "CanaryPredictorReady"):
                found = on.condition(kind)
                assert (found["status"], found["reason"]) == ("False", "Stopped")
            assert "kanarya.dev/addresses" not in on.isvc()["metadata"]["annotations"]
            on.annotate(**kept)
            await eventually(lambda: weights(on) == {STABLE: 80, CANARY: 20})
            assert await split(on) == {STABLE: 80, CANARY: 20}

    run(test())


def test_a_deleted_service_leaves_nothing_and_its_name_can_be_used_in_the_other_mode(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await with_canary(on, models)
            on.store.delete(INFERENCE_SERVICES, "ml", "iris")
            on.create(model(models.make("other")))  # before anybody noticed
            await ready(on)
            assert on.status()["deploymentMode"] == "Knative"
            assert (await answered(on))["said"] == "iris-predictor-00001"
            assert not names(on, DEPLOYMENTS) + names(on, PODS) + names(on, HTTP_ROUTES)
            assert on.processes.running() == {"ml/iris-predictor-00001"}
            on.store.delete(INFERENCE_SERVICES, "ml", "iris")
            await eventually(lambda: not on.processes.running())
            on.create_standard(model(models.make("m1")))
            await ready(on)
            assert (await answered(on))["said"] == STABLE

    run(test())


def test_a_restart_goes_on_in_the_middle_of_canary_and_rolling_update(tmp_path: Path) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await with_canary(on, models)
            on.change(predictor=model(models.make("m3", Loads.WHEN_TOLD)))
            await eventually(lambda: len(names(on, PODS)) == 3)
        async with platform(tmp_path) as on:
            await eventually(lambda: on.condition()["status"] == "True")
            await eventually(lambda: weights(on) == {STABLE: 80, CANARY: 20})
            assert await split(on) == {STABLE: 80, CANARY: 20}
            assert (await answered(on, f"/serving/ml/{STABLE}"))["model"] == "m1"
            models.load("m3")
            await eventually(lambda: len(names(on, PODS)) == 2)
            assert (await answered(on, f"/serving/ml/{STABLE}"))["model"] == "m3"

    run(test())


def test_a_spec_that_cannot_be_made_changes_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        async with lived(tmp_path) as (on, _):
            on.change(canary=[canary("az://bucket/m2", 20)])
            await eventually(lambda: on.condition("CanaryPredictorReady"))
            assert "az://bucket/m2" in on.condition("CanaryPredictorReady")["message"]
            assert on.condition()["status"] == "True"
            on.change(predictor=model("az://bucket/m1"), canary=[])
            await ready(on, "False")
            assert on.condition("PredictorReady")["reason"] == "ReconcileFailed"
            assert await split(on) == {STABLE: 100}

    run(test())


def test_a_deployment_of_another_service_is_not_taken_over(tmp_path: Path) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            mode = {"serving.kserve.io/deploymentMode": "Standard"}
            on.create(model(models.make("other")), "iris-v2", **mode)
            await ready(on, name="iris-v2")
            await live(on, models)
            on.change(canary=[canary(models.make("m2"), 20)])
            await eventually(lambda: on.condition("CanaryPredictorReady"))
            said = on.condition("CanaryPredictorReady")["message"]
            assert "belongs to the InferenceService iris-v2" in said
            assert (await answered(on, f"/serving/ml/{CANARY}"))["model"] == "other"

    run(test())
