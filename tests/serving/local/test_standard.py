"""Standard mode with real processes: Deployments, `spec.canary`, rolling updates, addresses."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from serving.local.resources import DEPLOYMENTS, PODS
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
        async with lived(tmp_path) as (on, models):
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
        async with lived(tmp_path) as (on, models):
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


def test_a_dark_launch_needs_a_replica_of_its_own(tmp_path: Path) -> None:
    async def test() -> None:
        async with lived(tmp_path) as (on, models):
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


def test_a_percent_in_standard_mode_is_ignored_as_in_kserve(tmp_path: Path) -> None:
    async def test() -> None:
        async with lived(tmp_path) as (on, models):
            on.change(predictor={**model(models.make("m2")), "canaryTrafficPercent": 10})
            await eventually(lambda: [p["metadata"]["name"] for p in pods(on)])
            await eventually(lambda: len(pods(on)) == 1 and on.condition()["status"] == "True")
            while (answer := await answered(on))["model"] == "m1":
                await asyncio.sleep(0.01)
            assert answer["said"] == STABLE
            assert await split(on) == {STABLE: 100}

    run(test())
