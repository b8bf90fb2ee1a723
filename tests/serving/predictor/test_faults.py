import asyncio
import json
import time
from typing import Any

import pytest

from serving.predictor.cells import BadRequest
from serving.predictor.faults import PATH, Fault, FaultInjection, parse


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", Fault()),
        (b"{}", Fault()),
        (b'{"error_rate": 1}', Fault(error_rate=1)),
        (b'{"latency_ms": 12.5, "error_rate": 0.5}', Fault(error_rate=0.5, latency_ms=12.5)),
        (b'{"crash": true}', Fault(crash=True)),
    ],
)
def test_a_fault_is_what_was_asked_for_and_nothing_else(body: Any, expected: Any) -> None:
    assert parse(body) == expected


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"not json", "error_rate"),
        (b"[1]", "error_rate"),
        (b'{"odd": 1}', "error_rate"),
        (b'{"error_rate": 1.1}', "error_rate is 1.1, expected a number from 0 to 1"),
        (b'{"error_rate": -0.1}', "error_rate is -0.1"),
        (b'{"error_rate": "1"}', 'error_rate is "1"'),
        (b'{"error_rate": NaN}', "error_rate is NaN"),
        (b'{"latency_ms": true}', "latency_ms is true"),
        (b'{"latency_ms": 60001}', "from 0 to 60000"),
        (b'{"crash": 1}', "crash is 1, expected true or false"),
        (b"\xff", "is no fault"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(body: Any, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        parse(body)


class Client:
    """Asks an ASGI app in this process; the app behind it answers 200."""

    def __init__(self, chance: Any = lambda: 0.5) -> None:
        self.app = FaultInjection(self.stock, chance)

    async def stock(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    def ask(self, path: str, body: Any = b"", method: str = "POST") -> Any:
        sent = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path}
        asyncio.run(self.app(scope, receive, send))
        return sent[0]["status"], json.loads(sent[1]["body"])


@pytest.mark.parametrize(
    ("path", "method", "expected"),
    [
        ("/v1/models/m:predict", "POST", 500),
        ("/v2/models/m/infer", "POST", 500),
        ("/v2/models/m/ready", "GET", 200),
        ("/v2/models/m", "GET", 200),
        ("/metrics", "GET", 200),
    ],
)
def test_only_predictions_are_spoiled(path: str, method: str, expected: Any) -> None:
    client = Client()
    assert client.ask(path, method=method)[0] == 200
    assert client.ask(PATH, b'{"error_rate": 1}')[0] == 200
    status, answer = client.ask(path, method=method)
    assert status == expected
    assert ("injected" in answer.get("error", "")) is (expected == 500)


@pytest.mark.parametrize(("chance", "status"), [(0.29, 500), (0.3, 200), (0.31, 200)])
def test_the_error_rate_is_compared_with_chance(chance: Any, status: int) -> None:
    client = Client(lambda: chance)
    client.ask(PATH, b'{"error_rate": 0.3}')
    assert client.ask("/v1/models/m:predict")[0] == status


def test_latency_is_added_and_a_new_fault_replaces_the_old_one() -> None:
    client = Client()
    assert client.ask(PATH, b'{"latency_ms": 50}') == (
        200,
        {"error_rate": 0.0, "latency_ms": 50, "crash": False},
    )
    began = time.perf_counter()
    assert client.ask("/v2/models/m/infer")[0] == 200
    assert time.perf_counter() - began >= 0.05
    assert client.ask(PATH, b"{}")[1]["latency_ms"] == 0


def test_a_bad_fault_is_answered_with_400_and_changes_nothing() -> None:
    client = Client()
    client.ask(PATH, b'{"error_rate": 1}')
    assert client.ask(PATH, b'{"error_rate": 2}')[0] == 400
    assert client.ask(PATH, b" " * 5000)[0] == 400
    assert client.ask("/v2/models/m/infer")[0] == 500
