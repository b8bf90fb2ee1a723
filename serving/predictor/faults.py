"""Faults on purpose: errors, delays and a crash, in this process only, for drills and tests."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from serving.predictor.asgi import (
    JSON,
    ASGIApp,
    Receive,
    Reply,
    Scope,
    Send,
    TooLarge,
    read,
    send_reply,
)
from serving.predictor.cells import BadRequest, shown

PATH = "/kanarya/fault"
MAX_LATENCY_MS = 60_000
CRASH_EXIT_CODE = 70
BODY_LIMIT = 4096

logger = logging.getLogger("kserve")


@dataclass(frozen=True)
class Fault:
    """What happens to every prediction from now on; the default is nothing."""

    error_rate: float = 0.0
    latency_ms: float = 0.0
    crash: bool = False


def parse(body: bytes) -> Fault:
    """Return the fault that a JSON object asks for; raise `BadRequest` with what is allowed."""
    try:
        value = json.loads(body or b"{}")
        fault = Fault(**value)
    except (ValueError, TypeError) as error:
        raise BadRequest(
            f"{shown(body.decode(errors='replace'))} is no fault; send an object with any of "
            "error_rate (0 to 1), latency_ms and crash."
        ) from error
    _check("error_rate", fault.error_rate, 1)
    _check("latency_ms", fault.latency_ms, MAX_LATENCY_MS)
    if type(fault.crash) is not bool:
        raise BadRequest(f"crash is {shown(fault.crash)}, expected true or false.")
    return fault


def _check(name: str, value: object, most: float) -> None:
    if type(value) not in (int, float) or not 0 <= value <= most:  # type: ignore[operator]
        raise BadRequest(f"{name} is {shown(value)}, expected a number from 0 to {most}.")


def is_prediction(scope: Scope) -> bool:
    """Say whether this request asks for a prediction: V1 `:predict` or V2 `/infer`."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return False
    path: str = scope["path"]
    return path.endswith((":predict", "/infer"))


class FaultInjection:
    """An ASGI app around another: takes `POST /kanarya/fault` and spoils predictions as asked."""

    def __init__(self, app: ASGIApp, chance: Callable[[], float] = random.random) -> None:
        self._app = app
        self._chance = chance
        self._fault = Fault()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST":
            await self._set(receive, send)
        elif is_prediction(scope) and await self._spoiled():
            await _answer(send, 500, {"error": "This error was injected on purpose."})
        else:
            await self._app(scope, receive, send)

    async def _set(self, receive: Receive, send: Send) -> None:
        try:
            self._fault = parse(await read(receive, BODY_LIMIT))
        except BadRequest as error:
            await _answer(send, 400, {"error": str(error)})
            return
        except TooLarge:
            await _answer(send, 400, {"error": f"A fault has at most {BODY_LIMIT} bytes."})
            return
        logger.warning("fault injection is now %s", self._fault)
        await _answer(send, 200, asdict(self._fault))

    async def _spoiled(self) -> bool:
        fault = self._fault
        if fault.crash:
            logger.warning("this process crashes on purpose")
            os._exit(CRASH_EXIT_CODE)
        if fault.latency_ms:
            await asyncio.sleep(fault.latency_ms / 1000)
        return self._chance() < fault.error_rate


async def _answer(send: Send, status: int, content: dict[str, Any]) -> None:
    await send_reply(send, Reply(status, json.dumps(content).encode(), [JSON]))
