"""`/api/runs`: the table of runs as JSON, what runs left behind, and what may be done to them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from console.access.roles import Person
from console.api.answers import operator
from console.data import run_files, run_query
from console.world import World
from pipelines.run_row import Row
from serving.errors import NotFound

Operator = Annotated[Person, Depends(operator)]
RunId = Annotated[str, Body(embed=True, max_length=300)]
Accepts = Annotated[bool, Body(embed=True)]


def router(world: World) -> APIRouter:
    """Return the routes of reading and of acting."""
    routes = APIRouter(prefix="/api")
    _reading(routes, world)
    _starting(routes, world)
    _ending(routes, world)
    return routes


def _reading(routes: APIRouter, world: World) -> None:
    @routes.get("/runs")
    def listed(request: Request) -> dict[str, Any]:
        """Return the runs that the same address without `/api/runs` shows."""
        view = run_query.parse(request.query_params.multi_items())
        world.runs.read_whole()
        page = world.runs.page(view.asked())
        rows = [asdict(row) for row in page.rows]
        places = [asdict(place) for place in world.elsewhere.places()]
        found = {"total": page.total, "page": view.number, "size": view.size}
        return {**found, "runs": rows, "places": places}

    @routes.get("/run-choices")
    def choices() -> dict[str, Any]:
        """Return what runs can be filtered and sorted by, each with how many runs have it."""
        world.runs.read_whole()
        return dict(world.runs.choices())

    @routes.get("/runs/{run_id}/files")
    def files(run_id: str) -> dict[str, Any]:
        """Return the names of what can be downloaded."""
        return {"files": run_files.available(world.settings.base, _row(world, run_id))}

    @routes.get("/runs/{run_id}/files/{name}")
    def file(run_id: str, name: str) -> FileResponse:
        """Send a model or a report, always as a file to keep: it is never shown as a page here."""
        row = _row(world, run_id)
        found = run_files.download(world.settings.base, row, name)
        after = BackgroundTask(Path.unlink, found.path) if found.made else None
        kind = "application/octet-stream"
        return FileResponse(found.path, filename=found.name, media_type=kind, background=after)


def _starting(routes: APIRouter, world: World) -> None:
    actions, audit = world.run_actions, world.audit

    @routes.post("/runs/{run_id}/restart")
    def restart(who: Operator, run_id: str, accept_new_data: Accepts = False) -> dict[str, str]:
        """Queue a run once more."""
        audit.record(who, "run.restart", run_id, accept_new_data=accept_new_data)
        new = actions.restart(run_id, who.name, accept_new_data=accept_new_data)
        return {"run_id": new}

    @routes.post("/compose")
    def compose(
        who: Operator, data_of: RunId, config_of: RunId, accept_new_data: Accepts = False
    ) -> dict[str, str]:
        """Queue the configuration of one run on the data of another."""
        audit.record(who, "run.compose", config_of, data_of=data_of)
        new = actions.compose(data_of, config_of, who.name, accept_new_data=accept_new_data)
        return {"run_id": new}


def _ending(routes: APIRouter, world: World) -> None:
    actions, audit = world.run_actions, world.audit

    @routes.post("/runs/{run_id}/cancel")
    def cancel(who: Operator, run_id: str) -> dict[str, str]:
        """Take a run out of the queue, or end it where it runs."""
        audit.record(who, "run.cancel", run_id)
        return {"run_id": run_id, "state": actions.cancel(run_id, who.name)}

    @routes.delete("/runs/{run_id}")
    def delete(who: Operator, run_id: str) -> dict[str, Any]:
        """Move a run aside; it can be brought back for so many seconds."""
        audit.record(who, "run.delete", run_id)
        actions.delete(run_id)
        return {"run_id": run_id, "undo_s": world.deleted.undo_s}

    @routes.post("/runs/{run_id}/undelete")
    def undelete(who: Operator, run_id: str) -> dict[str, str]:
        """Bring a deleted run back."""
        audit.record(who, "run.undelete", run_id)
        world.deleted.undo(run_id)
        return {"run_id": run_id}


def _row(world: World, run_id: str) -> Row:
    row = world.runs.row(run_id)
    if row is None:
        raise NotFound(f"there is no run {run_id[:300]!r}; `/api/runs` lists those there are")
    return row
