"""The console put together: guard, login, pages, and the API behind them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from nicegui import app as pages
from nicegui import ui
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from console.access.guard import Guard
from console.api.answers import translate_errors
from console.lately import Later
from console.login import router as login_routes
from console.missing import missing
from console.widgets.frame import Page, mount, translate_frame
from console.world import World

STATIC = Path(__file__).parent / "static"
PAGES = (
    Page("/", "nav.runs", "runs"),
    Page("/new", "nav.new", "new", ("upload.js",)),
    Page("/compare", "compare.title", "compare"),
    Page("/models", "nav.models", "models"),
    Page("/models/{name}", "models.one", "model"),
    Page("/services", "nav.services", "services"),
    Page("/services/{name}", "services.one", "service"),
    Page("/runs/{run_id}", "run.title", "run"),
    Page("/queue", "nav.queue", "queue"),
    Page("/alerts", "nav.alerts", "alerts"),
    Page("/audit", "audit.title", "audit"),
)
FIRST = PAGES[0]
"""What is asked for first, mostly; the others are imported when they are, or `REST_S` later."""
REST_S = 3.0
"""After the start; whoever comes at once has the processor for what they asked for."""
API = re.compile(r"/api/|/models/[^/]+/decisions/")
"""What is answered without NiceGUI: all that programs ask, and decision cards, which are files."""


def build(world: World) -> ASGIApp:
    """Return the whole console as one ASGI application."""
    app = FastAPI(title="Kanarya console", docs_url=None, redoc_url=None, openapi_url=None)
    translate_errors(app)
    app.include_router(login_routes(world))
    app.mount("/static", StaticFiles(directory=STATIC))
    for path in ("/runs", "/runs/"):
        app.add_route(path, _list)
    world.deleted.empty_later()
    for page in PAGES:
        mount(page, world)
    pages.add_exception_handler(404, missing)
    translate_frame()
    programs = Later(lambda: _api(world))
    pages.on_startup(lambda: _rest(programs))
    ui.run_with(
        app,
        title="Kanarya",
        favicon=STATIC / "kanarya.svg",
        dark=None,
        tailwind=False,
        show_welcome_message=False,
        reconnect_timeout=10.0,
    )
    return Guard(Parted(app, programs), world.door)


class Parted:
    """ASGI: what programs ask goes to the API, all else to the pages."""

    def __init__(self, people: ASGIApp, programs: ASGIApp) -> None:
        self._people, self._programs = people, programs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        asks = scope["type"] == "http" and API.match(scope["path"])
        await (self._programs if asks else self._people)(scope, receive, send)


async def _list(request: Request) -> RedirectResponse:
    """Send whoever cuts the id off a run's address to the list of runs, filtered as they asked."""
    query = request.url.query
    return RedirectResponse(f"{FIRST.path}?{query}" if query else FIRST.path)


def _api(world: World) -> ASGIApp:
    from console.api import routes

    return routes.application(world)


async def _rest(programs: Later) -> None:
    """Import what was not asked for yet, piece by piece beside whoever asks."""
    await asyncio.sleep(REST_S)
    for page in PAGES:
        await asyncio.to_thread(page.load)
    await asyncio.to_thread(programs.made)
