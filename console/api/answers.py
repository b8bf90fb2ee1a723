"""How the API answers: values as JSON, every expected error as one sentence with its status."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from console.access.roles import Person, Role
from serving.errors import AlreadyExists, Conflict, KanaryaError, NotFound, UsageError

STATUS = ((NotFound, 404), (AlreadyExists, 409), (Conflict, 409), (UsageError, 422))


def person(request: Request) -> Person:
    """Return who asks; the guard has let nobody else through."""
    found: Person = request.state.person
    return found


def operator(request: Request) -> Person:
    """Return who asks. Raises 403 unless it is an operator."""
    return _with(Role.OPERATOR, person(request))


def admin(request: Request) -> Person:
    """Return who asks. Raises 403 unless it is an administrator."""
    return _with(Role.ADMIN, person(request))


def _with(needed: Role, found: Person) -> Person:
    if not found.role.may(needed):
        raise HTTPException(403, f"{found.name} is {found.role}; this needs the role {needed}")
    return found


def translate_errors(app: FastAPI) -> None:
    """Answer our own errors, and HTTP's, with `{"error": sentence}`."""
    app.add_exception_handler(KanaryaError, _ours)
    app.add_exception_handler(HTTPException, _http)


def nothing_else() -> APIRouter:
    """Return the route that answers where there is none: in JSON, since programs ask there."""
    routes = APIRouter(prefix="/api")

    @routes.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def nothing(rest: str) -> None:
        raise HTTPException(404, f"there is no /api/{rest[:80]} here")

    return routes


async def _ours(_: Request, error: Exception) -> JSONResponse:
    status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
    return JSONResponse({"error": str(error)}, status)


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": str(error.detail)}, error.status_code)
