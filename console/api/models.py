"""Models and services as JSON, the decision card as a page, a question to a live model."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import HTMLResponse

from console.access.roles import Person
from console.api.answers import operator
from console.data import asking
from console.data.decisions import decided, page
from console.data.lineage import lineage
from console.data.live_quality import live
from console.data.watched import watched
from console.texts import asked_in
from console.world import World
from pipelines.deciding import Decision, apart
from serving.errors import KanaryaError, NotFound

Operator = Annotated[Person, Depends(operator)]


def routes(world: World) -> APIRouter:
    """Return what is answered below /api/models and /api/services."""
    router = APIRouter()
    _models(router, world)
    _acting(router, world)
    _decisions(router, world)
    _services(router, world)
    return router


def _models(router: APIRouter, world: World) -> None:
    @router.get("/api/models")
    def models() -> list[dict[str, Any]]:
        return [asdict(model) for model in world.models.all()]

    @router.get("/api/models/{name}")
    def model(name: str) -> dict[str, Any]:
        return asdict(world.models.one(name))

    @router.get("/api/models/{name}/watched")
    def noted(name: str) -> dict[str, Any]:
        return asdict(watched(world.settings.base, world.models.one(name).name))

    @router.get("/api/models/{name}/versions/{version}")
    def version(name: str, version: str) -> dict[str, Any]:
        found = world.models.version(name, version)
        run = world.runs.row(found.run) if found.run else None
        try:
            service = world.services.one(name)
        except KanaryaError:
            service = None
        stops = [asdict(stop) for stop in lineage(found, run, service)]
        return {
            **asdict(found),
            "lineage": stops,
            "card": world.models.card(name, version).to_json(),
        }


def _acting(router: APIRouter, world: World) -> None:
    @router.post("/api/models/{name}/ask")
    def ask(name: str, instance: Annotated[dict[str, Any], Body()], person: Operator) -> Any:
        world.models.one(name)
        world.audit.record(person, "predict", name, times=1)
        view = world.services.view(name)
        if not view.url:
            raise NotFound(f"{name} has no address yet; wait until it is ready.")
        return asdict(asking.ask(view.url, name, instance))

    @router.post("/api/models/{name}/rollback")
    def rollback(name: str, version: Annotated[str, Body(embed=True)], person: Operator) -> Any:
        found = world.models.version(name, version)
        world.audit.record(person, "rollout rollback", name, version=found.version)
        decision = Decision("rollback", name, person=person.name, version=found.version)
        return {"told": apart(decision, world.settings.base)}


def _decisions(router: APIRouter, world: World) -> None:
    @router.get("/api/models/{name}/decisions/{rollout}")
    def decision(name: str, rollout: str) -> dict[str, Any]:
        return decided(world.models, name, rollout)

    @router.get("/models/{name}/decisions/{rollout}", response_class=HTMLResponse)
    def card(name: str, rollout: str, request: Request) -> HTMLResponse:
        texts = asked_in(request.cookies, request.headers)
        return HTMLResponse(page(decided(world.models, name, rollout), texts))


def _services(router: APIRouter, world: World) -> None:
    @router.get("/api/services")
    def services() -> list[dict[str, Any]]:
        return [asdict(service) for service in world.services.all()]

    @router.get("/api/services/{name}")
    def service(name: str) -> dict[str, Any]:
        return asdict(world.services.one(name))

    @router.get("/api/services/{name}/live")
    def quality(name: str) -> dict[str, Any]:
        """Return how good its versions were on what was labelled, and its windows of traffic."""
        return asdict(live(world.settings.base, world.services.one(name).name))

    @router.get("/api/services/{name}/ledger")
    def ledger(name: str) -> list[dict[str, Any]]:
        world.models.one(name)
        return [record.to_json() for record in world.models.chain(name).records]
