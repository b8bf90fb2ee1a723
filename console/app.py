"""The console put together: guard, login, API, pages."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from nicegui import ui
from starlette.types import ASGIApp

from console.access.guard import Guard
from console.api import audit as audit_api
from console.api import compare as compare_api
from console.api import new as new_api
from console.api import queue as queue_api
from console.api import runs as runs_api
from console.api import uploads as uploads_api
from console.api.answers import nothing_else, translate_errors
from console.api.models import routes as model_routes
from console.api.run import router as run_routes
from console.login import router as login_routes
from console.pages import audit, compare, model, models, new, queue, run, runs, service, services
from console.widgets.frame import Page, mount
from console.world import World

STATIC = Path(__file__).parent / "static"
PAGES = (
    Page("/", "nav.runs", runs.build),
    Page("/new", "nav.new", new.build),
    Page("/compare", "compare.title", compare.build),
    Page("/models", "nav.models", models.build),
    Page("/models/{name}", "models.one", model.build),
    Page("/services", "nav.services", services.build),
    Page("/services/{name}", "services.one", service.build),
    Page("/runs/{run_id}", "run.title", run.build),
    Page("/queue", "nav.queue", queue.build),
    Page("/audit", "audit.title", audit.build),
)
ROUTERS = (
    login_routes,
    runs_api.router,
    compare_api.router,
    model_routes,
    run_routes,
    queue_api.router,
    uploads_api.router,
    new_api.router,
    audit_api.router,
)


def build(world: World) -> ASGIApp:
    """Return the whole console as one ASGI application."""
    app = FastAPI(title="Kanarya console", docs_url=None, redoc_url=None, openapi_url=None)
    translate_errors(app)
    for router in ROUTERS:
        app.include_router(router(world))
    app.include_router(nothing_else())
    app.mount("/static", StaticFiles(directory=STATIC))
    world.run_actions.empty_later()
    for page in PAGES:
        mount(page, world)
    ui.run_with(
        app,
        title="Kanarya",
        favicon=STATIC / "kanarya.svg",
        dark=None,
        tailwind=False,
        show_welcome_message=False,
        reconnect_timeout=10.0,
    )
    return Guard(app, world.door)
