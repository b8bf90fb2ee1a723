"""The local control plane's HTTP interface: routes, and every error as a Status object."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from serving.errors import AlreadyExists, KanaryaError
from serving.local import discovery, openapi, statuses
from serving.local.access import HERE, Access, guard, is_own_name
from serving.local.bodies import LIMIT_BYTES
from serving.local.endpoints import NAME, Endpoint
from serving.local.resources import NAMESPACES, PODS, RESOURCES, Resource
from serving.local.store import Store

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Route = tuple[str, str, Handler]

RESOURCE = web.RequestKey("resource", Resource)
PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
CHANGING = ("PUT", "PATCH", "DELETE")


def make_app(store: Store, *, gateway_url: str, access: Access = HERE) -> web.Application:
    """Return the application that serves the Kubernetes API over `store`.

    `gateway_url` is where predictions are answered; `GET /` tells it. `access`: who may ask.
    """
    doors: list[Middleware] = [answer_errors, guard(access) if access.token else refuse_pages]
    app = web.Application(middlewares=doors, client_max_size=LIMIT_BYTES)
    stopping = asyncio.Event()

    async def stop(_: web.Application) -> None:
        stopping.set()  # open watches end, so that a shutdown does not wait for them

    app.on_shutdown.append(stop)
    with suppress(AlreadyExists):
        store.create(NAMESPACES, {"metadata": {"name": "default"}, "status": {"phase": "Active"}})
    for method, path, handler in (*about(gateway_url), *of_kinds(store, stopping)):
        app.router.add_route(method, path, handler)
    return app


def about(gateway_url: str) -> Iterator[Route]:
    """Yield the routes that tell what is here; none of them depends on the store."""
    for path in ("/healthz", "/livez", "/readyz"):
        yield "GET", path, healthy
    yield "GET", "/openapi/v2", nothing_in_v2
    roots = sorted({resource.path for resource in RESOURCES})
    documents: dict[str, Any] = {
        "/": {"paths": ["/version", *roots, "/openapi/v3"], "gateway": gateway_url},
        "/version": discovery.version(),
        "/api": discovery.core_versions(),
        "/apis": discovery.groups(),
        "/openapi/v3": openapi.index(),
        **{f"/apis/{r.group}": discovery.group(r.group) for r in RESOURCES if r.group},
        **{root: discovery.resource_list(root) for root in roots},
        **{f"/openapi/v3{root}": openapi.document(root) for root in roots},
    }
    for path, document in documents.items():
        # Clients that are made from Kubernetes' own OpenAPI ask with a slash at the end.
        for spelling in {path, path.removesuffix("/") + "/"}:
            yield "GET", spelling, telling(document)


def of_kinds(store: Store, stopping: asyncio.Event) -> Iterator[Route]:
    """Yield the routes of every kind of object."""
    for resource in RESOURCES:
        endpoint = Endpoint(resource, store, stopping)
        for method, path, handler in routes(resource, endpoint):
            yield method, path, about_kind(resource, handler)


def routes(resource: Resource, endpoint: Endpoint) -> Iterator[Route]:
    """Yield the routes of one kind; what is not written by clients has only the reading ones."""
    everywhere = f"{resource.path}/{resource.plural}"
    inside = "/namespaces/{namespace}" if resource.namespaced else ""
    many = f"{resource.path}{inside}/{resource.plural}"
    one = f"{many}/{{name}}"
    for path in dict.fromkeys((everywhere, many)):
        yield "GET", path, endpoint.list
    yield "GET", one, endpoint.get
    if resource.has_status:
        yield "GET", f"{one}/status", endpoint.get
    if resource is PODS:
        yield "GET", f"{one}/log", endpoint.log
    if not resource.writable:
        for method, path in (("POST", many), ("DELETE", many), *((m, one) for m in CHANGING)):
            yield method, path, endpoint.refuse
        return
    yield "POST", many, endpoint.create
    yield "DELETE", many, endpoint.delete_collection
    yield "PUT", one, endpoint.replace
    yield "PATCH", one, endpoint.patch
    yield "DELETE", one, endpoint.delete
    yield "PUT", f"{one}/status", endpoint.replace_status
    yield "PATCH", f"{one}/status", endpoint.patch_status


def about_kind(resource: Resource, handler: Handler) -> Handler:
    """Return the handler that lets errors know which kind of object they are about."""

    async def handle(request: web.Request) -> web.StreamResponse:
        request[RESOURCE] = resource
        return await handler(request)

    return handle


def telling(document: dict[str, Any]) -> Handler:
    """Return the handler that answers a document that never changes."""

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.json_response(document)

    return handle


async def healthy(_: web.Request) -> web.StreamResponse:
    """Answer that the server is up."""
    return web.Response(text="ok")


async def nothing_in_v2(_: web.Request) -> web.StreamResponse:
    """Answer that the older OpenAPI describes no kind."""
    return web.Response(body=openapi.NOTHING_V2, content_type=PROTOBUF)


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error with a Status object; what nobody foresaw is logged, not shown."""
    try:
        return await handler(request)
    except KanaryaError as error:
        name = request.get(NAME) or request.match_info.get("name", "")
        found = statuses.status_of(error, request.get(RESOURCE), name)
        if found["code"] >= 500:
            logger.error("%s %s: %s", request.method, request.path, error)
    except web.HTTPException as error:
        found = statuses.unknown_path(error.status, error.reason)
    except RecursionError:
        found = statuses.status_of(statuses.BadRequest("the body is nested too deeply"))
    except ConnectionResetError:  # nobody is there to read it, and nothing went wrong here
        found = statuses.status_of(statuses.BadRequest("the client left in the middle of the body"))
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        found = statuses.failure(
            500, "InternalError", "an internal error occurred; the server's log tells which"
        )
    return web.json_response(found, status=found["code"])


@web.middleware
async def refuse_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a web page sends: there is no login, and any page can reach loopback.

    One that has made a name of its own lead here sends no Origin, but that name.
    """
    if "Origin" in request.headers or not is_own_name(request.host):
        raise statuses.Denied("requests from web pages are not served; use kubectl or a client")
    return await handler(request)
