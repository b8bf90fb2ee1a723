"""Every route that programs ask, as one application: it is made for its first request."""

from __future__ import annotations

from fastapi import FastAPI

from console.api import alerts, audit, compare, models, new, queue, run, runs, uploads
from console.api.answers import nothing_else, translate_errors
from console.world import World

ROUTERS = (
    runs.router,
    compare.router,
    models.routes,
    run.router,
    queue.router,
    alerts.router,
    uploads.router,
    new.router,
    audit.router,
)


def application(world: World) -> FastAPI:
    """Return what answers below /api, in JSON even where there is nothing."""
    app = FastAPI(title="Kanarya console", docs_url=None, redoc_url=None, openapi_url=None)
    translate_errors(app)
    for router in ROUTERS:
        app.include_router(router(world))
    app.include_router(nothing_else())
    return app
