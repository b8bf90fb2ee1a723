"""The access log: one JSON line a request, and nothing of what was sent."""

import asyncio
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from serving.predictor.access_log import AccessLog, entry
from serving.predictor.asgi import Reply, send_reply
from tests.serving.predictor.running import ROW, Predictor

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


def scope(path: str, **headers: str) -> dict[str, Any]:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    client = ("10.0.0.7", 4711)
    return {"type": "http", "method": "POST", "path": path, "headers": named, "client": client}


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/v1/models/m:predict", {}, {"protocol": "v1", "request_id": None}),
        ("/v2/models/m/infer", {"x_request_id": "a b"}, {"protocol": "v2", "request_id": "a b"}),
        ("/metrics", {"x_request_id": "é" * 900}, {"protocol": None, "request_id": "Ã©" * 128}),
        ("/" + "x" * 900, {}, {"path": "/" + "x" * 511}),
    ],
)
def test_an_entry_says_who_asked_for_what_and_what_came_of_it(
    path: str, headers: dict[str, str], expected: dict[str, Any]
) -> None:
    found = entry(scope(path, **headers), 200, 0.0012345, NOW)
    assert found.items() >= expected.items()
    assert (found["time"], found["status"], found["ms"]) == ("2026-01-02T03:04:05.678Z", 200, 1.234)
    assert found["client"] == "10.0.0.7"


async def answers(scope: Any, receive: Any, send: Any) -> None:
    await send_reply(send, Reply(418, b"tea", []))


async def fails(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError("broken")


def logged(app: Any, **given: Any) -> list[Any]:
    stream = io.StringIO()

    async def nothing(*_: Any) -> Any: ...

    asyncio.run(AccessLog(app, stream)({**scope("/v1"), **given}, nothing, nothing))
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_request_is_one_line_and_other_scopes_are_none() -> None:
    assert [line["status"] for line in logged(answers)] == [418]
    assert logged(answers, type="lifespan") == []


def test_a_request_that_failed_before_it_was_answered_is_a_line_too() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="broken"):
        asyncio.run(AccessLog(fails, stream)(scope("/v1"), answers, answers))
    assert json.loads(stream.getvalue())["status"] is None


@pytest.mark.e2e
@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_process_logs_each_request_once_and_no_payload(
    mixed_model_dir: Path, tmp_path: Path, workers: str
) -> None:
    flags = ["--workers", workers, "--enable_latency_logging", "true"]
    with Predictor(mixed_model_dir, "people", tmp_path / "log", *flags) as people:
        people.wait()
        people.v1({"instances": [ROW]}, **{"x-request-id": "mine"})
        people.v1({"instances": [{**ROW, "town": "Atlantis"}]})
        people.ask("GET", "/v2/models/people")
    text = people.log.read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    seen = [(line["path"], line["status"], line["request_id"]) for line in lines]
    assert {each for each in seen if not each[0].endswith("/ready")} == {  # workers take turns
        ("/v1/models/people:predict", 200, "mine"),
        ("/v1/models/people:predict", 400, None),
        ("/v2/models/people", 200, None),
    }
    assert text.count('/v2/models/people"') == 1
    assert "Atlantis" not in text
    assert "kserve.trace" not in text


@pytest.mark.e2e
def test_without_the_flag_no_request_is_logged(flowers: Predictor) -> None:
    flowers.ask("GET", "/v2/models/iris")
    assert "/v2/models/iris" not in flowers.log.read_text()
