"""A new run as JSON: what can be filled in, what data looks like, and POST /api/runs starts one."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from console.access.roles import Person
from console.api.answers import operator
from console.data import preview as looking
from console.data.draft import Draft
from console.data.plan import plan
from console.data.taking import taken_from
from console.slowly import slowly
from console.texts import Texts
from console.world import World
from pipelines.asked import Asked
from pipelines.enqueue import enqueue
from pipelines.run_row import CLUSTER
from pipelines.spec import parse, schema, with_paths

Operator = Annotated[Person, Depends(operator)]
Columns = Annotated[tuple[str, ...], Query()]


class Wanted(BaseModel):
    """A run to start; `data_sha256`: what the data must have, "" for any.

    `on`: "cluster" sends it to Kubeflow Pipelines, where it has no priority; `upload_data`: data of
    this machine is copied to the model store for that.
    """

    model_config = ConfigDict(extra="forbid")

    spec: dict[str, Any]
    priority: int = Field(0, ge=-(2**31), le=2**31)
    data_sha256: str = Field("", pattern="^([0-9a-f]{64})?$")
    on: Literal["here", "cluster"] = "here"
    upload_data: bool = False


def router(world: World) -> APIRouter:
    """Return the routes of a new run; for operators, since they read what the server can read."""
    routes = APIRouter(prefix="/api", dependencies=[Depends(operator)])
    settings = world.settings.base

    @routes.get("/new/form")
    def form() -> JSONResponse:
        return JSONResponse(schema())

    @routes.get("/new/draft")
    def draft(config: Annotated[str, Query(alias="from")] = "", data: str = "") -> JSONResponse:
        return JSONResponse(_taken(*taken_from(world.run_actions, config, data)))

    @routes.get("/new/preview")
    def preview(uri: str) -> JSONResponse:
        """Return the first rows of a table, or of pictures their classes and some of them."""
        if looking.are_pictures(uri):
            seen = looking.pictures(settings, uri)
            return JSONResponse({"pictures": asdict(seen) if seen else None})
        return JSONResponse(asdict(looking.preview(settings, uri)))

    @routes.get("/new/findings")
    def findings(uri: str, target: str, drop: Columns = (), task: str = "tabular") -> JSONResponse:
        found = looking.findings(settings, uri, target, drop=tuple(drop), task=task)
        return JSONResponse(asdict(found))

    @routes.post("/runs")
    async def begin(wanted: Wanted, person: Operator) -> JSONResponse:
        return JSONResponse({"run_id": await _begun(world, wanted, person)}, 201)

    return routes


async def _begun(world: World, wanted: Wanted, person: Person) -> str:
    spec = with_paths(parse(wanted.spec, "spec"), Path())
    asked = Asked(spec, wanted.data_sha256)
    detail = {"data": spec.data.uri, "on": wanted.on}
    await asyncio.to_thread(world.audit.record, person, "run.start", spec.name, **detail)
    if wanted.on == CLUSTER:
        start = partial(world.run_actions.start_there, asked, upload_data=wanted.upload_data)
        return (await slowly(start)).run_id
    settings = world.settings.base
    return await asyncio.to_thread(
        enqueue, settings, asked, by=person.name, priority=wanted.priority
    )


def _taken(draft: Draft, notes: list[str]) -> dict[str, Any]:
    will = [Texts().say(key, **places) for key, places in plan(draft.spec())]
    kept = {"made_from": dict(draft.made_from), "data_sha256": draft.data_sha256}
    return {"spec": draft.document, **kept, "notes": notes, "plan": will}
