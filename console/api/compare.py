"""`/api/compare?runs=a,b`: runs side by side as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from console.data import compare
from console.world import World


def router(world: World) -> APIRouter:
    """Return the route."""
    routes = APIRouter(prefix="/api")

    @routes.get("/compare")
    def compared(runs: str = "") -> dict[str, Any]:
        """Return ingredients, metrics and curves of the runs, and whether the models are equal."""
        found = compare.compare(world.settings.base, world.runs, compare.wanted(runs))
        return asdict(found)

    return routes
