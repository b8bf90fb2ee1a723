"""A service in Standard mode with real processes: what it is given, and what it answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from serving.local.resources import HTTP_ROUTES, PODS
from tests.serving.local.platform_kit import (
    Models,
    Platform,
    eventually,
    model,
    platform,
    ready,
)

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


@asynccontextmanager
async def lived(folder: Path) -> AsyncIterator[tuple[Platform, Models]]:
    """Lend a platform whose service has a live model, and what makes more models."""
    models = Models(folder)
    async with platform(folder) as on:
        await live(on, models)
        yield on, models


async def with_canary(on: Platform, models: Models, percent: int = 20) -> None:
    await live(on, models)
    on.change(canary=[canary(models.make("m2"), percent)])
    await eventually(lambda: CANARY in weights(on))


def pods(on: Platform) -> list[dict[str, Any]]:
    return on.store.list(PODS, "ml")[0]
