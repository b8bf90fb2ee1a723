"""Who did what, as JSON, for administrators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from console.access.roles import Person
from console.api.answers import admin
from console.world import World
from pipelines.actions import Wanted, done

Admin = Annotated[Person, Depends(admin)]


def router(world: World) -> APIRouter:
    """Return the route /api/audit."""
    routes = APIRouter(prefix="/api/audit")

    @routes.get("")
    def actions(
        person: Admin,
        who: str = "",
        subject: str = "",
        since: str = "",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    ) -> list[dict[str, Any]]:
        return done(world.settings.base, Wanted(who, subject, since))[-limit:][::-1]

    return routes
