"""The queue as JSON, and what may be asked of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends

from console.access.roles import Person
from console.api.answers import operator
from console.data.queue import Standing
from console.world import World

Operator = Annotated[Person, Depends(operator)]


def router(world: World) -> APIRouter:
    """Return the routes below /api/queue."""
    routes = APIRouter(prefix="/api/queue")

    @routes.get("")
    def standing() -> dict[str, Any]:
        return as_json(world.queue.standing())

    _steer(routes, world)
    return routes


def _steer(routes: APIRouter, world: World) -> None:
    """Add what only operators may do."""
    seen, audit = world.queue, world.audit

    @routes.post("/pause")
    def pause(person: Operator) -> dict[str, Any]:
        audit.record(person, "pause", "queue")
        seen.pause()
        return {"paused": True}

    @routes.post("/resume")
    def resume(person: Operator) -> dict[str, Any]:
        audit.record(person, "resume", "queue")
        seen.resume()
        return {"paused": False}

    @routes.post("/workers")
    def workers(person: Operator, number: Annotated[int, Body(embed=True)]) -> dict[str, Any]:
        audit.record(person, "workers", "queue", number=number)
        seen.set_workers(str(number))
        return {"workers": number}

    @routes.post("/start")
    def start(person: Operator) -> dict[str, Any]:
        audit.record(person, "start workers", "queue")
        return {"supervisor": seen.start_workers()}

    @routes.delete("/{run_id}")
    def cancel(person: Operator, run_id: str) -> dict[str, Any]:
        audit.record(person, "cancel", run_id)
        return {"run_id": run_id, "state": seen.cancel(run_id, by=person.name)}


def as_json(found: Standing) -> dict[str, Any]:
    """Return what a program is told of the queue."""
    return {
        "up": found.up,
        "paused": found.paused,
        "workers": found.at_once,
        "running": found.running,
        "ready": found.ready,
        "held_back": found.held_back,
        "entries": [{**asdict(each.entry), "seconds": each.seconds} for each in found.entries],
        "recent": [asdict(row) for row in found.recent],
        "ended_per_hour": found.per_hour,
        "steps": [asdict(step) for step in found.steps],
    }
