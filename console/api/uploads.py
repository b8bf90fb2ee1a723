"""`/api/uploads`: a file is the body of one request, and goes to the disk as it comes."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from console.access.roles import Person
from console.api.answers import operator
from console.data import upload_uses
from console.data.uploads import Incoming, Upload, Uploads
from console.world import World
from serving.errors import UsageError

Operator = Annotated[Person, Depends(operator)]
PIECE = 1 << 20
"""Bytes that are gathered before a thread writes them."""


def router(world: World) -> APIRouter:
    """Return the routes below /api/uploads; all of them are for operators."""
    routes = APIRouter(prefix="/api/uploads")
    uploads = Uploads.of(world.settings)

    @routes.get("")
    def newest(_: Operator) -> JSONResponse:
        return JSONResponse([_shown(each) for each in uploads.newest()])

    @routes.post("")
    async def receive(
        request: Request,
        name: Annotated[str, Query(min_length=1, max_length=1000)],
        person: Operator,
    ) -> JSONResponse:
        await asyncio.to_thread(world.audit.record, person, "upload", name)
        return JSONResponse(_shown(await _received(request, uploads, name)), 201)

    @routes.delete("/{id_}/{name}")
    def remove(id_: str, name: str, person: Operator) -> JSONResponse:
        found = uploads.get(id_, name)
        world.audit.record(person, "upload.remove", f"{id_}/{name}")
        upload_uses.remove(uploads, world.runs, found)
        return JSONResponse(_shown(found))

    return routes


async def _received(request: Request, uploads: Uploads, name: str) -> Upload:
    announced = _announced(request)
    with uploads.receiving(name, announced) as incoming:
        try:
            await _copied(request, incoming)
        except ClientDisconnect as error:
            raise UsageError(f"{incoming.name} broke off: send it again") from error
        return await asyncio.to_thread(incoming.finish, announced)


async def _copied(request: Request, incoming: Incoming) -> None:
    gathered = bytearray()
    async for content in request.stream():
        gathered += content
        if len(gathered) >= PIECE:
            await asyncio.to_thread(incoming.write, bytes(gathered))
            gathered.clear()
    await asyncio.to_thread(incoming.write, bytes(gathered))


def _announced(request: Request) -> int | None:
    given = request.headers.get("content-length", "")
    return int(given) if given.isdecimal() else None


def _shown(upload: Upload) -> dict[str, Any]:
    return {**asdict(upload), "path": str(upload.path)}
