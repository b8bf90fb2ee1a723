"""How the API answers: values as JSON, every expected error as one sentence with its status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
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
    """Answer our own errors, HTTP's and those of what was sent with `{"error": sentence}`."""
    app.add_exception_handler(KanaryaError, _ours)
    app.add_exception_handler(RequestValidationError, _senseless)
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


async def _senseless(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return JSONResponse({"error": "; ".join(map(_fault, error.errors()))}, 422)


def _fault(fault: Mapping[str, Any]) -> str:
    """Return what is wrong with one value; the first part of its place is that of the request."""
    if fault["type"] == "json_invalid":
        return f"the body is no JSON ({fault['ctx']['error']})"
    place = fault["loc"]
    where = ".".join(map(str, place[1:] or place))
    message = str(fault["msg"])
    return f"{where}: {message[:1].lower()}{message[1:]}"
