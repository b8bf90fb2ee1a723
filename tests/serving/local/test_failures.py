from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from serving.local.resources import REVISIONS
from tests.serving.local.a3_rows import Loads, seen_in
from tests.serving.local.platform_kit import (
    QUICK,
    Models,
    events,
    eventually,
    live,
    model,
    platform,
    ready,
    run,
)

pytestmark = pytest.mark.e2e  # real processes

IMPATIENT = replace(QUICK, probe_timeout_s=0.1)


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
        async with platform(tmp_path, IMPATIENT) as on:
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
        async with platform(tmp_path, replace(IMPATIENT, grace_s=0.1)) as on:
            await live(on, Models(tmp_path))
            old = (await on.ask())["pid"]
            os.kill(old, signal.SIGSTOP)
            await ready(on, "False")
            await ready(on)
            assert (await on.ask())["pid"] != old

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
        ("az://bucket/model", "is not supported"),
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
