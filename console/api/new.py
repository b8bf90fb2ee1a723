"""A new run as JSON: what can be filled in, what data looks like, and POST /api/runs starts one."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from console.access.roles import Person
from console.api.answers import operator
from console.data import preview as looking
from console.data.draft import Draft
from console.data.plan import plan
from console.data.starting import start, taken_from
from console.texts import Texts
from console.world import World
from pipelines.asked import Asked
from pipelines.spec import parse, schema


class Wanted(BaseModel):
    """A run to start; `data_sha256`: what the data must have, "" for any."""

    model_config = ConfigDict(extra="forbid")

    spec: dict[str, Any]
    priority: int = Field(0, ge=-(2**31), le=2**31)
    data_sha256: str = Field("", pattern="^([0-9a-f]{64})?$")


def router(world: World) -> APIRouter:
    """Return the routes of a new run; they read what the server can read, so they are operators'."""
    routes = APIRouter(prefix="/api", dependencies=[Depends(operator)])
    settings = world.settings.base

    @routes.get("/new/form")
    def form() -> JSONResponse:
        return JSONResponse(schema())

    @routes.get("/new/draft")
    def draft(config: str = Query("", alias="from"), data: str = "") -> JSONResponse:
        return JSONResponse(_taken(*taken_from(settings, config, data)))

    @routes.get("/new/preview")
    def preview(uri: str) -> JSONResponse:
        return JSONResponse(asdict(looking.preview(settings, uri)))

    @routes.get("/new/findings")
    def findings(
        uri: str, target: str, drop: list[str] = Query([]), task: str = "tabular"
    ) -> JSONResponse:
        found = looking.findings(settings, uri, target, drop=tuple(drop), task=task)
        return JSONResponse(asdict(found))

    @routes.post("/runs")
    async def begin(wanted: Wanted, person: Person = Depends(operator)) -> JSONResponse:
        asked = Asked(parse(wanted.spec, "spec"), wanted.data_sha256)
        uri, name = asked.spec.data.uri, asked.spec.name
        await asyncio.to_thread(world.audit.record, person, "start", name, data=uri)
        begun = partial(start, settings, asked, by=person.name, priority=wanted.priority)
        return JSONResponse({"run_id": await asyncio.to_thread(begun)}, 201)

    return routes


def _taken(draft: Draft, notes: list[str]) -> dict[str, Any]:
    will = [Texts().say(key, **places) for key, places in plan(draft.spec())]
    kept = {"made_from": dict(draft.made_from), "data_sha256": draft.data_sha256}
    return {"spec": draft.document, **kept, "notes": notes, "plan": will}
