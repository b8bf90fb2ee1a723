from __future__ import annotations

import asyncio
import os
from datetime import datetime
from pathlib import Path

import pytest

from serving.local.resources import INFERENCE_SERVICES, KNATIVE_SERVICES, REVISIONS
from serving.local.store import utc_now
from tests.serving.local.a3_rows import ROWS, Expect, Row, seen_in
from tests.serving.local.platform_kit import (
    Models,
    Platform,
    eventually,
    live,
    model,
    platform,
    ready,
    run,
)

pytestmark = pytest.mark.e2e  # real processes

PLAYED = ("2 and 3", "7 and 8", "9", "10", "11", "12")


async def play(row: Row, on: Platform, models: Models) -> None:
    for number, (operation, expected) in enumerate(row.steps):
        patch = models.perform(operation)
        if number == 0:
            on.create(patch or {})
        elif patch:
            on.patch(patch)
        await eventually(lambda e=expected: seen_in(on.status()) == e, f"{operation}: {expected}")
        if expected.traffic:
            assert await on.answering() == shares(expected)


def shares(expected: Expect) -> dict[str, int]:
    """Return what of a hundred predictions each revision must answer."""
    found: dict[str, int] = {}
    for entry in expected.traffic.replace("*", "").split():
        revision, percent = entry.split(":")
        found[revision] = found.get(revision, 0) + int(percent)
    return {name: share for name, share in sorted(found.items()) if share}


@pytest.mark.parametrize("row", [row for row in ROWS if row.number in PLAYED], ids=str)
def test_processes_and_requests_follow_the_table(row: Row, tmp_path: Path) -> None:
    async def test() -> None:
        async with platform(tmp_path) as on:
            await play(row, on, Models(tmp_path))

    run(test())


def test_what_no_traffic_names_is_stopped_and_the_previous_champion_is_kept(tmp_path: Path) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models, canary=10)
            on.patch({"canaryTrafficPercent": None})
            await eventually(lambda: seen_in(on.status()).traffic == "v2*:100")
            assert on.processes.running() == {"ml/iris-predictor-00001", "ml/iris-predictor-00002"}
            on.patch(model(models.make("m3")))
            await eventually(lambda: seen_in(on.status()).traffic == "v3*:100")
            await eventually(
                lambda: (
                    on.processes.running() == {"ml/iris-predictor-00002", "ml/iris-predictor-00003"}
                )
            )
            first = on.store.get(REVISIONS, "ml", "iris-predictor-00001")
            assert first["status"]["conditions"][-1]["reason"] == "Inactive"

    run(test())


def test_requests_that_run_are_answered_when_their_revision_is_stopped(tmp_path: Path) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models)
            on.patch(model(models.make("m2")))
            await eventually(lambda: seen_in(on.status()).traffic == "v2*:100")
            slow = asyncio.create_task(on.ask(sleep=0.3))
            await asyncio.sleep(0)
            on.patch(model(models.make("m3")))
            await eventually(lambda: seen_in(on.status()).traffic == "v3*:100")
            on.patch(model(models.make("m4")))  # now m2 is no longer even the previous one
            await eventually(lambda: "ml/iris-predictor-00002" not in on.processes.running())
            assert (await slow)["revision"] == "iris-predictor-00002"

    run(test())


def test_a_deleted_service_leaves_nothing_and_its_name_can_be_used_again(tmp_path: Path) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models, canary=10)
            on.store.delete(INFERENCE_SERVICES, "ml", "iris")
            on.create(model(models.make("other")))  # before anybody noticed
            await ready(on)
            assert seen_in(on.status()) == Expect("v1*:100", "v1", "-")
            assert (await on.ask())["model"] == "other"
            on.store.delete(INFERENCE_SERVICES, "ml", "iris")
            await eventually(lambda: not on.processes.running())
            assert on.store.list(REVISIONS, None)[0] == on.store.list(KNATIVE_SERVICES, None)[0]
            async with on.http.post(f"{on.url}/serving/ml/iris/v1/models/iris:predict") as gone:
                assert gone.status == 404

    run(test())


def test_a_stopped_service_runs_nothing_and_comes_back_as_it_was(tmp_path: Path) -> None:
    async def test() -> None:
        async with platform(tmp_path) as on:
            await live(on, Models(tmp_path), canary=10)
            on.annotate(**{"serving.kserve.io/stop": "true"})
            await eventually(lambda: on.condition("Stopped").get("status") == "True")
            await eventually(lambda: not on.processes.running())
            assert on.condition()["status"] == "False"
            on.annotate(**{"serving.kserve.io/stop": "false"})
            await ready(on)
            assert await on.answering() == {"v1": 90, "v2": 10}

    run(test())


def test_a_restart_goes_on_with_the_same_traffic(tmp_path: Path) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models, canary=10)
        async with platform(tmp_path) as on:
            await eventually(lambda: seen_in(on.status()).ready == "True")
            assert seen_in(on.status()) == Expect("v2*:10 v1:90", "v1", "-")
            assert await on.answering() == {"v1": 90, "v2": 10}

    run(test())


def test_a_predictor_gets_the_revisions_arguments_and_environment(tmp_path: Path) -> None:
    async def test() -> None:
        more = {"args": ["--extra=1"], "env": [{"name": "GREETING", "value": "hi"}]}
        async with platform(tmp_path) as on:
            on.create(model(Models(tmp_path).make("m1"), **more))
            await ready(on)
            answer = await on.ask(env=["GREETING", "PATH"])
            assert answer["argv"][-1] == "--extra=1"
            assert "--exit_with_parent" in answer["argv"]
            assert answer["env"] == {"GREETING": "hi", "PATH": os.environ["PATH"]}

    run(test())


def test_the_generation_that_is_observed_is_the_one_of_the_ksvc(tmp_path: Path) -> None:
    async def test() -> None:
        async with platform(tmp_path) as on:
            await live(on, Models(tmp_path), canary=10)
            ksvc = on.store.get(KNATIVE_SERVICES, "ml", "iris-predictor")
            assert on.status()["observedGeneration"] == ksvc["metadata"]["generation"] == 2
            on.annotate(note="a change of the metadata only")
            on.patch({"canaryTrafficPercent": 20})
            await eventually(lambda: seen_in(on.status()).traffic == "v2*:20 v1:80")
            assert on.status()["observedGeneration"] == 3

    run(test())


def test_a_service_is_told_where_its_numbers_are(tmp_path: Path) -> None:
    async def test() -> None:
        async with platform(tmp_path) as on:
            await live(on, Models(tmp_path))
            url = on.isvc()["metadata"]["annotations"]["kanarya.dev/metrics-url"]
            assert url == f"{on.url}/metrics"
            async with on.http.get(url) as response:
                assert response.status == 200
            assert on.isvc()["metadata"]["generation"] == 1

    run(test())


def test_nothing_is_written_while_nothing_happens(tmp_path: Path) -> None:
    rounds: list[datetime] = []

    def clock() -> datetime:
        rounds.append(utc_now())
        return rounds[-1]

    async def test() -> None:
        async with platform(tmp_path, resync_s=0.01, clock=clock) as on:
            await live(on, Models(tmp_path), canary=10)
            await ready(on)
            version, before = on.store.resource_version(), len(rounds)
            await eventually(lambda: len(rounds) > before + 10)
            assert on.store.resource_version() == version

    run(test())
