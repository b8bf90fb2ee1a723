from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import uvloop

from serving.local.resources import EVENTS, KNATIVE_SERVICES, REVISIONS
from serving.local.store import utc_now
from tests.serving.local.a3_rows import ROWS, Expect, Loads, Row, seen_in
from tests.serving.local.platform_kit import QUICK, Models, Platform, eventually, platform

PLAYED = ("2 and 3", "7 and 8", "9", "10", "11", "12")


def run(test: Coroutine[Any, Any, None]) -> None:
    uvloop.run(test)  # as the platform does


def model(uri: str, **more: Any) -> dict[str, Any]:
    return {"model": {"modelFormat": {"name": "onnx"}, "storageUri": uri, **more}}


def events(on: Platform) -> list[tuple[str, str, str]]:
    found, _ = on.store.list(EVENTS, "ml")
    return [(each["type"], each["reason"], each["message"]) for each in found]


async def ready(on: Platform, status: str = "True", name: str = "iris") -> None:
    await eventually(lambda: on.condition(name=name).get("status") == status, f"Ready={status}")


async def live(on: Platform, models: Models, *, canary: int | None = None) -> None:
    """Have m1 live, and m2 as a canary where a percent is given."""
    on.create(model(models.make("m1")))
    await ready(on)
    if canary is not None:
        on.patch({**model(models.make("m2")), "canaryTrafficPercent": canary})
        await eventually(lambda: f"v2*:{canary}" in seen_in(on.status()).traffic)


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
            assert on.processes.keys() == {"ml/iris-predictor-00001", "ml/iris-predictor-00002"}
            on.patch(model(models.make("m3")))
            await eventually(lambda: seen_in(on.status()).traffic == "v3*:100")
            await eventually(
                lambda: (
                    on.processes.keys() == {"ml/iris-predictor-00002", "ml/iris-predictor-00003"}
                )
            )
            first = on.store.get(REVISIONS, "ml", "iris-predictor-00001")
            assert first["status"]["conditions"][-1]["reason"] == "Inactive"

    run(test())


def test_a_crashed_canary_is_started_again_and_the_stable_one_answers_meanwhile(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models, canary=50)
            models.make("m2", Loads.WHEN_TOLD)  # the next start waits
            answers = [await on.ask() for _ in range(2)]
            pid = next(a["pid"] for a in answers if a["revision"].endswith("2"))
            os.kill(pid, signal.SIGKILL)
            await ready(on, "False")
            assert await on.answering() == {"v1": 100}
            assert on.condition("RoutesReady")["status"] == "False"
            assert on.condition("PredictorReady")["reason"] == "RevisionFailed"
            failure = on.status()["modelStatus"]["lastFailureInfo"]
            assert (failure["reason"], failure["exitCode"]) == ("RuntimeUnhealthy", 137)
            assert "SIGKILL" in failure["message"]
            models.load("m2")
            await ready(on)
            assert await on.answering() == {"v1": 50, "v2": 50}
            assert any(reason == "BackOff" for _, reason, _ in events(on))

    run(test())


def test_a_model_that_does_not_load_tells_exit_code_and_last_line(tmp_path: Path) -> None:
    async def test() -> None:
        async with platform(tmp_path) as on:
            on.create(model(Models(tmp_path).make("m1", Loads.NEVER)))
            await ready(on, "False")
            failure = on.status()["modelStatus"]["lastFailureInfo"]
            assert (failure["reason"], failure["exitCode"]) == ("ModelLoadFailed", 3)
            assert failure["message"] == "ModelError: model.onnx is damaged"
            log = on.logs / "ml" / "iris-predictor-00001.log"
            await eventually(lambda: log.read_text().count("damaged") > 2, "started again")
            kinds = {(kind, reason) for kind, reason, _ in events(on)}
            assert {("Warning", "BackOff"), ("Warning", "InferenceServiceNotReady")} <= kinds
            assert len(events(on)) < 6  # counted, not repeated

    run(test())


def test_a_model_that_takes_too_long_has_failed(tmp_path: Path) -> None:
    async def test() -> None:
        async with platform(tmp_path, replace(QUICK, load_s=0.2)) as on:
            on.create(model(Models(tmp_path).make("m1", Loads.WHEN_TOLD)))
            await ready(on, "False")
            assert "not ready after 0.2 s" in on.condition("PredictorReady")["message"]

    run(test())


def test_a_process_that_hangs_is_taken_out_and_started_again(tmp_path: Path) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models, canary=50)
            before = {(await on.ask())["pid"] for _ in range(4)}
            (tmp_path / "m2" / "hang").touch()
            await ready(on, "False")
            assert await on.answering() == {"v1": 100}
            (tmp_path / "m2" / "hang").unlink()
            await ready(on)
            assert len(before) == 2

    run(test())


def test_a_process_that_hangs_for_too_long_is_replaced(tmp_path: Path) -> None:
    async def test() -> None:
        async with platform(tmp_path, replace(QUICK, grace_s=0.1)) as on:
            await live(on, Models(tmp_path))
            old = (await on.ask())["pid"]
            os.kill(old, signal.SIGSTOP)
            await ready(on, "False")
            await ready(on)
            assert (await on.ask())["pid"] != old

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
            await eventually(lambda: "ml/iris-predictor-00002" not in on.processes.keys())
            assert (await slow)["revision"] == "iris-predictor-00002"

    run(test())


@pytest.mark.parametrize("percent", [150, -10])
def test_a_percent_out_of_range_changes_nothing_but_the_conditions(
    percent: int, tmp_path: Path
) -> None:
    async def test() -> None:
        models = Models(tmp_path)
        async with platform(tmp_path) as on:
            await live(on, models, canary=10)
            before = on.status()["components"]
            on.patch({**model(models.make("m3")), "canaryTrafficPercent": percent})
            await ready(on, "False")
            assert on.condition("PredictorReady")["reason"] == "ReconcileFailed"
            assert on.status()["components"] == before
            assert len(on.store.list(REVISIONS, "ml")[0]) == 2
            assert [r for kind, r, _ in events(on) if kind == "Warning"] == ["InternalError"]
            assert await on.answering() == {"v1": 90, "v2": 10}
            on.patch({"canaryTrafficPercent": 20})
            await eventually(lambda: seen_in(on.status()).traffic == "v3*:20 v1:80")

    run(test())


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("s3://bucket/model", "is not supported"),
        ("file:///no/such/model", "does not exist"),
        ("models:/iris/1", "does not exist"),
    ],
)
def test_a_model_that_cannot_be_had_leaves_the_stable_one_serving(
    uri: str, words: str, tmp_path: Path
) -> None:
    async def test() -> None:
        async with platform(tmp_path) as on:
            await live(on, Models(tmp_path))
            on.patch({**model(uri), "canaryTrafficPercent": 50})
            await ready(on, "False")
            assert words in on.condition("PredictorReady")["message"]
            assert await on.answering() == {"v1": 100}
            assert any(kind == "Warning" and words in said for kind, _, said in events(on))

    run(test())


def test_a_predictor_that_cannot_be_started_is_said_in_a_sentence(tmp_path: Path) -> None:
    async def test() -> None:
        async with platform(tmp_path, predictor=("/no/such/python",)) as on:
            on.create(model(Models(tmp_path).make("m1")))
            await ready(on, "False")
            assert "could not be fetched or started" in on.condition("PredictorReady")["message"]

    run(test())


def test_a_deleted_service_leaves_nothing_and_its_name_can_be_used_again(tmp_path: Path) -> None:
    from serving.local.resources import INFERENCE_SERVICES

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
            await eventually(lambda: not on.processes.keys())
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
            await eventually(lambda: not on.processes.keys())
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
