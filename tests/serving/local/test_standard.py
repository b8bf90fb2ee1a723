"""Standard mode with real processes: Deployments, `spec.canary`, rolling updates, addresses."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from serving.local.resources import DEPLOYMENTS, HTTP_ROUTES, INFERENCE_SERVICES, PODS
from tests.serving.local.a3_rows import Loads
from tests.serving.local.platform_kit import (
    Models,
    Platform,
    eventually,
    model,
    platform,
    ready,
    run,
)

pytestmark = pytest.mark.e2e  # real processes

STABLE, CANARY = "iris-predictor", "iris-v2-predictor"


def canary(uri: str, percent: int, name: str = "v2", **more: Any) -> dict[str, Any]:
    return {"trafficPercent": percent, "predictor": {"name": name, **model(uri), **more}}


def weights(on: Platform, name: str = "iris") -> dict[str, int | None]:
    """Return the weight of each backend; none before there is a route."""
    routes = {route["metadata"]["name"]: route for route in on.store.list(HTTP_ROUTES, "ml")[0]}
    rules = routes[name]["spec"]["rules"] if name in routes else [{"backendRefs": []}]
    return {ref["name"]: ref.get("weight") for ref in rules[0]["backendRefs"]}


def names(on: Platform, kind: Any) -> list[str]:
    return [each["metadata"]["name"] for each in on.store.list(kind, "ml")[0]]


async def answered(on: Platform, path: str = "/serving/ml/iris", **headers: str) -> dict[str, Any]:
    """Return a prediction with the name that the gateway gives whoever made it."""
    url = f"{on.url}{path}/v1/models/iris:predict"
    async with on.http.post(url, json={}, headers=headers) as response:
        assert response.status == 200, await response.text()
        return {**await response.json(), "said": response.headers["kanarya-revision"]}


async def reached(on: Platform, path: str) -> dict[str, Any]:
    """Return the first prediction of an address, which follows the route a moment later."""
    for _ in range(500):
        with suppress(AssertionError):
            return await answered(on, path)
        await asyncio.sleep(0.02)
    return await answered(on, path)


async def split(on: Platform) -> dict[str, int]:
    """Return how many of a hundred predictions each Deployment answers."""
    return dict(Counter([(await answered(on))["said"] for _ in range(100)]))


async def live(on: Platform, models: Models, **more: Any) -> None:
    on.create_standard(model(models.make("m1")) | more)
    await ready(on)


async def with_canary(on: Platform, models: Models, percent: int = 20) -> None:
    await live(on, models)
    on.change(canary=[canary(models.make("m2"), percent)])
    await eventually(lambda: CANARY in weights(on))


def test_a_first_version_is_a_deployment_with_a_url_and_no_revisions(tmp_path: Path) -> None:
    async def test() -> None:
        async with platform(tmp_path) as on:
            await live(on, Models(tmp_path))
            status = on.status()
            assert status["deploymentMode"] == "Standard"
            assert status["components"] == {"predictor": {"url": f"{on.url}/serving/ml/iris"}}
            assert status["address"]["url"] == f"{on.url}/serving/ml/{STABLE}"
            assert {each["type"] for each in status["conditions"]} == {
                "IngressReady",
                "PredictorReady",
                "Ready",
                "Stopped",
            }
            assert weights(on) == weights(on, STABLE) == {STABLE: None}
            assert await split(on) == {STABLE: 100}

    run(test())


def test_a_canary_gets_its_share_once_it_is_ready_and_ready_does_not_wait_for_it(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models)
            on.change(canary=[canary(models.make("m2", Loads.WHEN_TOLD), 20)])
            await eventually(lambda: on.condition("CanaryPredictorReady"))
            assert on.condition("CanaryPredictorReady")["reason"] == "CanariesNotReady"
            assert on.condition()["status"] == "True"
            assert weights(on) == {STABLE: 100}
            assert await split(on) == {STABLE: 100}
            models.load("m2")
            await eventually(lambda: weights(on) == {STABLE: 80, CANARY: 20})
            assert on.condition("CanaryPredictorReady")["reason"] == "AllCanariesReady"
            [entry] = on.status()["canaryStatuses"]
            assert (entry["name"], entry["ready"], entry["trafficPercent"]) == ("v2", True, 20)
            assert await split(on) == {STABLE: 80, CANARY: 20}

    run(test())


def test_a_promotion_keeps_the_canarys_process_and_ends_the_old_stable_one(tmp_path: Path) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await with_canary(on, models)
            [pid] = {(await answered(on, f"/serving/ml/{CANARY}"))["pid"]}
            pods = {p for p in names(on, PODS) if p.startswith(CANARY)}
            on.change(predictor={"name": "v2", **model(models.make("m2"))}, canary=[])
            await eventually(lambda: names(on, DEPLOYMENTS) == [CANARY])
            assert weights(on) == weights(on, STABLE) == {CANARY: None}
            assert set(names(on, PODS)) == pods
            answer = await answered(on)
            assert (answer["said"], answer["pid"], answer["model"]) == (CANARY, pid, "m2")
            assert "canaryStatuses" not in on.status()
            assert on.condition("CanaryPredictorReady") == {}
            assert on.condition()["status"] == "True"

    run(test())


def test_a_rollback_takes_the_canary_away_at_once(tmp_path: Path) -> None:
    async def test() -> None:
        async with platform(tmp_path) as on:
            await with_canary(on, Models(tmp_path), 50)
            on.change(canary=[])
            await eventually(lambda: names(on, DEPLOYMENTS) == [STABLE])
            assert weights(on) == {STABLE: None}
            assert await split(on) == {STABLE: 100}
            assert [p.rpartition("-")[0] for p in names(on, PODS)] == [STABLE]

    run(test())


def test_a_promotion_before_the_canary_is_ready_takes_the_service_down(tmp_path: Path) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models)
            uri = models.make("m2", Loads.WHEN_TOLD)
            on.change(canary=[canary(uri, 20)])
            await eventually(lambda: CANARY in names(on, DEPLOYMENTS))
            on.change(predictor={"name": "v2", **model(uri)}, canary=[])
            await ready(on, "False")
            async with on.http.post(f"{on.url}/serving/ml/iris/v1/models/iris:predict") as answer:
                assert answer.status == 503
            models.load("m2")
            await ready(on)
            assert (await answered(on))["said"] == CANARY

    run(test())


def test_another_model_of_the_stable_one_is_a_rolling_update_and_ready_stays_true(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models)
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
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models)
            on.change(predictor=model(models.make("m2", Loads.NEVER)))
            await eventually(lambda: any("CrashLoop" in json.dumps(p) for p in pods(on)))
            on.change(predictor=model(models.make("m3", Loads.NEVER)))
            await eventually(lambda: sum("CrashLoop" in json.dumps(p) for p in pods(on)) == 1)
            await eventually(lambda: len(names(on, PODS)) == 2)
            assert on.condition()["status"] == "True"
            assert (await answered(on))["model"] == "m1"

    run(test())


def pods(on: Platform) -> list[dict[str, Any]]:
    return on.store.list(PODS, "ml")[0]


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


def test_a_dark_launch_needs_a_replica_of_its_own(tmp_path: Path) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models)
            on.change(canary=[canary(models.make("m2"), 0)])
            await eventually(lambda: CANARY in names(on, DEPLOYMENTS))
            assert on.store.get(DEPLOYMENTS, "ml", CANARY)["spec"]["replicas"] == 0
            assert on.condition("CanaryPredictorReady")["reason"] == "CanariesNotReady"
            on.change(canary=[canary(models.make("m2"), 0, minReplicas=1)])
            await eventually(lambda: on.condition("CanaryPredictorReady")["status"] == "True")
            assert weights(on) == {STABLE: 100, CANARY: 0}
            assert await split(on) == {STABLE: 100}
            assert (await answered(on, f"/serving/ml/{CANARY}"))["model"] == "m2"

    run(test())


def test_a_crashed_canary_leaves_the_route_until_it_is_back(tmp_path: Path) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await with_canary(on, models, 50)
            models.make("m2", Loads.WHEN_TOLD)  # the next start waits
            os.kill((await answered(on, f"/serving/ml/{CANARY}"))["pid"], signal.SIGKILL)
            await eventually(lambda: weights(on) == {STABLE: 100})
            assert on.condition("CanaryPredictorReady")["reason"] == "CanariesNotReady"
            assert on.condition()["status"] == "True"
            assert await split(on) == {STABLE: 100}
            models.load("m2")
            await eventually(lambda: weights(on) == {STABLE: 50, CANARY: 50})

    run(test())


def test_every_deployment_has_an_address_of_its_own_and_hosts_name_the_namespace(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with platform(tmp_path) as on:
            await with_canary(on, Models(tmp_path), 50)
            told = json.loads(on.isvc()["metadata"]["annotations"]["kanarya.dev/addresses"])
            assert told == {n: f"{on.url}/serving/ml/{n}" for n in (STABLE, CANARY)}
            for name, url in told.items():
                path = url.removeprefix(on.url)
                assert {(await answered(on, path))["said"] for _ in range(4)} == {name}
                host = {"Host": f"{name}.ml.svc.cluster.local"}
                assert {(await answered(on, "", **host))["said"] for _ in range(4)} == {name}
                async with on.http.get(f"{url}/v2/models/iris/ready") as answer:
                    assert answer.status == 200
            for host in ("iris-ml.example.com", "iris-predictor-ml.example.com"):
                said = {(await answered(on, "", Host=host))["said"] for _ in range(4)}
                assert said == {STABLE, CANARY}

    run(test())


def test_the_gateway_counts_by_deployment(tmp_path: Path) -> None:
    async def test() -> None:
        async with platform(tmp_path) as on:
            await with_canary(on, Models(tmp_path), 50)
            await split(on)
            async with on.http.get(f"{on.url}/metrics") as answer:
                text = await answer.text()
            for name in (STABLE, CANARY):
                line = f'code="200",namespace="ml",revision="{name}",service="iris"'
                assert f"kanarya_requests_total{{{line}}} 50.0" in text

    run(test())


def test_what_is_observed_is_the_generation_of_the_stable_deployment(tmp_path: Path) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models, minReplicas=1)
            uri = models.make("m2")
            on.change(canary=[canary(uri, 20, minReplicas=1)])
            await eventually(lambda: weights(on).get(CANARY) == 20)
            on.change(canary=[canary(uri, 50, minReplicas=1)])
            await eventually(lambda: weights(on).get(CANARY) == 50)
            assert on.isvc()["metadata"]["generation"] == 3
            assert on.status()["observedGeneration"] == 1  # no Deployment changed

    run(test())


def test_the_stable_one_gives_replicas_to_canaries_that_are_ready(tmp_path: Path) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models, minReplicas=4)
            on.change(canary=[canary(models.make("m2", Loads.WHEN_TOLD), 25)])
            await eventually(lambda: replicas(on) == {STABLE: 4, CANARY: 1})
            models.load("m2")
            await eventually(lambda: replicas(on) == {STABLE: 3, CANARY: 1})
            on.change(canary=[])
            await eventually(lambda: replicas(on) == {STABLE: 4})

    run(test())


def replicas(on: Platform) -> dict[str, int]:
    found = on.store.list(DEPLOYMENTS, "ml")[0]
    return {each["metadata"]["name"]: each["spec"]["replicas"] for each in found}


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
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models)
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


def test_a_percent_in_standard_mode_is_ignored_as_in_kserve(tmp_path: Path) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models)
            on.change(predictor={**model(models.make("m2")), "canaryTrafficPercent": 10})
            await eventually(lambda: [p["metadata"]["name"] for p in pods(on)])
            await eventually(lambda: len(pods(on)) == 1 and on.condition()["status"] == "True")
            while (answer := await answered(on))["model"] == "m1":
                await asyncio.sleep(0.01)
            assert answer["said"] == STABLE
            assert await split(on) == {STABLE: 100}

    run(test())
