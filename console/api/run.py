"""One run and its rollout as JSON; a step's log as text; the decisions on a rollout."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse, JSONResponse, Response

from console.access.roles import Person
from console.api.answers import operator
from console.data.rollout import Watched, Watcher
from console.data.run import Monitored, Watch
from console.data.run_cost import estimate_of
from console.slowly import slowly
from console.world import World
from pipelines.deciding import DEEDS, Decision, apart
from pipelines.journal import RunFolder
from pipelines.run_row import CLUSTER
from serving.errors import KanaryaError, NotFound, UsageError


def router(world: World) -> APIRouter:
    """Return the routes below `/api/runs/{run_id}` and `/api/rollouts`."""
    routes = APIRouter()

    @routes.get("/api/runs/{run_id}/progress")
    def progress(run_id: str) -> dict[str, Any]:
        return run_json(world.watching.now(run_id))

    @routes.get("/api/runs/{run_id}/cost")
    def cost(run_id: str, price_hour: Annotated[float, Query(ge=0, le=1e9)]) -> dict[str, Any]:
        found = estimate_of(world.watching.now(run_id), price_hour, time.time())
        return {"seconds": found.seconds, "cost": found.cost, **asdict(found)}

    @routes.get("/api/runs/{run_id}/log/{step}")
    def log(run_id: str, step: str) -> Response:
        kind = "text/plain; charset=utf-8"
        if world.elsewhere.may_have(run_id, world.runs.row(run_id)):
            return Response(far_log(world, run_id, step), media_type=kind)
        return FileResponse(log_of(world, run_id, step), media_type=kind)

    _rollouts(routes, world)
    return routes


def _rollouts(routes: APIRouter, world: World) -> None:
    """Add what is told of rollouts, and the decisions on them."""

    @routes.get("/api/runs/{run_id}/rollout")
    def rollout_of_run(run_id: str) -> dict[str, Any]:
        run = world.watching.now(run_id)
        return _seen(Watcher.of(world.settings.base, run.row.model, run.key))

    @routes.get("/api/rollouts/{service}")
    def rollout(service: str) -> dict[str, Any]:
        return _seen(Watcher.of(world.settings.base, service))

    @routes.post("/api/rollouts/{service}/{name}")
    async def decide(
        service: str, name: str, person: Annotated[Person, Depends(operator)], rollout: str = ""
    ) -> JSONResponse:
        told = await slowly(_decided, world, person, Decision(name, service, rollout))
        return JSONResponse({"told": told})


def run_json(run: Monitored) -> dict[str, Any]:
    """Return a run as JSON: its row, steps with the tails of their logs, curve and gate."""
    found = asdict(run)
    found["row"] = {name: getattr(run.row, name) for name in run.row.__slots__}
    found["row"]["metrics"] = dict(run.row.metrics)
    found["curve"] = [{"epoch": each.epoch, "values": dict(each.values)} for each in run.curve]
    return {**found, "key": run.key, "over": run.over}


def log_of(world: World, run_id: str, step: str) -> Path:
    """Return the file of a step's log; only of runs and steps that there are. Raises NotFound."""
    run = Watch(world.runs, run_id).read()
    path = RunFolder(world.runs.table.root / run.row.run_id).log(step)
    if run.step(step) is None or not path.is_file():
        raise NotFound(f"{run_id} has no log of a step {step!r}")
    return path


def far_log(world: World, run_id: str, step: str) -> str:
    """Return all that a step of a cluster's run wrote. Raises NotFound, ClusterError."""
    from console.data import cluster_seen

    row, cluster = world.runs.row(run_id), world.settings.cluster
    if cluster is None or (row is not None and row.where != CLUSTER):
        raise NotFound(f"{run_id} ran on another machine, where its logs are")
    known = row.run_id if row else run_id
    return world.elsewhere.cluster_child.ask(cluster_seen.text, cluster, known, step)


def _seen(watcher: Watcher) -> dict[str, Any]:
    seen: Watched | None = watcher.read()
    if seen is None:
        by = f" by {watcher.run}" if watcher.run else ""
        raise NotFound(f"{watcher.service} has had no rollout{by}")
    if not seen.id:
        raise KanaryaError(seen.trouble)
    return asdict(seen)


def _decided(world: World, person: Person, decision: Decision) -> str:
    if decision.name not in DEEDS:
        raise UsageError(f"there is no decision {decision.name!r}; choose {', '.join(DEEDS)}")
    detail: Mapping[str, object] = {"rollout": decision.rollout}
    world.audit.record(person, f"rollout {decision.name}", decision.service, **detail)
    named = Decision(decision.name, decision.service, decision.rollout, person.name)
    return apart(named, world.settings.base)
