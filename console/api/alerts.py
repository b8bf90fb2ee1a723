"""Alerts as JSON, and what may be asked of them: a silence, its end, a test to who is told."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from console.access.roles import Person
from console.api.answers import operator
from console.data.alerts import Standing
from console.world import World
from pipelines.alerts.silencing import LONGEST_H, LONGEST_WHY, Quiet

Operator = Annotated[Person, Depends(operator)]


class Wanted(BaseModel):
    """Of which rule (`all`: of each) and subject ("": of each) nobody is told, and how long.

    0 hours end it.
    """

    model_config = ConfigDict(extra="forbid")

    rule: str
    subject: str = Field("", max_length=300)
    hours: float = Field(2.0, ge=0, le=LONGEST_H)
    why: str = Field("", max_length=LONGEST_WHY)


def router(world: World) -> APIRouter:
    """Return the routes below /api/alerts."""
    routes = APIRouter(prefix="/api/alerts")
    seen, audit = world.alerts, world.audit

    @routes.get("")
    def standing() -> dict[str, Any]:
        return as_json(seen.standing())

    @routes.post("/silences")
    def silence(person: Operator, wanted: Wanted) -> dict[str, Any]:
        asked = Quiet(**wanted.model_dump())
        audit.record(person, "alerts.silence", wanted.rule, **_detail(asked))
        return asdict(seen.silence(asked, person.name))

    @routes.post("/test")
    def test(person: Operator) -> dict[str, str]:
        audit.record(person, "alerts.test", "receivers")
        return {name: why or "delivered" for name, why in seen.try_out().items()}

    return routes


def as_json(found: Standing) -> dict[str, Any]:
    """Return what a program is told of the alerts."""
    return {
        "looked": found.looked,
        "wrong": [asdict(each) for each in found.wrong],
        "silences": [asdict(each) for each in found.silences],
        "receivers": [
            {**asdict(each.receiver), "configured": each.configured, "state": each.state}
            for each in found.told
        ],
        "deliveries": [
            {**asdict(each), "alert": each.alert.to_json()} for each in found.deliveries
        ],
        "rules": [{**asdict(each), "expr": each.expr} for each in found.rules],
        "troubles": list(found.troubles),
    }


def _detail(asked: Quiet) -> dict[str, str]:
    return {"about": asked.subject, "hours": f"{asked.hours:g}", "why": asked.why}
