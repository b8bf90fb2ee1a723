"""The two pages that nobody has to log in for, and the way out: plain HTML, no script."""

from __future__ import annotations

import asyncio
import time
from html import escape

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from console.access.guard import cookie_of, own_path
from console.access.roles import Person
from console.access.sessions import COOKIE, LIFE_S
from console.texts import Texts, asked_in
from console.world import World

_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Kanarya</title><link rel="icon" href="/static/kanarya.svg">
<link rel="stylesheet" href="/static/console.css"><link rel="stylesheet" href="/static/login.css">
</head><body><main class="k-login"><h1>Kanarya</h1>{error}
<form method="post" action="/login"><input type="hidden" name="next" value="{next}">
<label for="name">{name}</label>
<input id="name" name="name" autocomplete="username" required autofocus>
<label for="password">{password}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>{enter}</button></form></main></body></html>"""


def router(world: World) -> APIRouter:
    """Return the routes /login, /logout and /healthz."""
    routes = APIRouter()

    @routes.get("/healthz")
    def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @routes.get("/login")
    def form(request: Request, next: str = "/") -> Response:  # noqa: A002 - the query's name
        if not world.door.logins:
            return RedirectResponse(own_path(next), 303)
        return _form(asked_in(request.cookies, request.headers), own_path(next))

    @routes.post("/login")
    async def enter(
        request: Request,
        name: str = Form("", max_length=64),
        password: str = Form("", max_length=1024),
        next: str = Form("/", max_length=2000),  # noqa: A002 - the form's name
    ) -> Response:
        return await _entered(world, request, (name, password), own_path(next))

    @routes.get("/logout")
    def leave(request: Request) -> Response:
        world.door.sessions.end(cookie_of(request.headers))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE)
        return answer

    return routes


async def _entered(world: World, request: Request, given: tuple[str, str], wanted: str) -> Response:
    texts, address = (
        asked_in(request.cookies, request.headers),
        request.client.host if request.client else "",
    )
    keys = (f"from {address}", f"as {given[0]}")
    wait_s = world.attempts.wait_s(keys, time.monotonic())
    if wait_s > 0:
        answer = _form(texts, wanted, texts.say("login.wait", seconds=int(wait_s) + 1), 429)
        answer.headers["Retry-After"] = str(int(wait_s) + 1)
        return answer
    # Before the answer is known: of many that are sent at once the first few are heard.
    world.attempts.fail(keys, time.monotonic())
    person = await asyncio.to_thread(world.door.logins.of_password, *given, address)
    if person is None:
        return _form(texts, wanted, texts.say("login.wrong"), 401)
    world.attempts.succeed(keys)
    return await _welcomed(world, person, wanted, secure=request.url.scheme == "https")


async def _welcomed(world: World, person: Person, wanted: str, *, secure: bool) -> Response:
    await asyncio.to_thread(world.audit.record, person, "login", person.name)
    answer = RedirectResponse(wanted, 303)
    cookie = world.door.sessions.cookie(person)
    answer.set_cookie(
        COOKIE, cookie, max_age=LIFE_S, httponly=True, samesite="strict", secure=secure
    )
    return answer


def _form(texts: Texts, wanted: str, error: str = "", status: int = 200) -> HTMLResponse:
    said = f'<p role="alert" class="k-bad">{escape(error)}</p>' if error else ""
    page = _PAGE.format(
        language=texts.language,
        title=texts.say("login.title"),
        error=said,
        next=escape(wanted),
        name=texts.say("login.name"),
        password=texts.say("login.password"),
        enter=texts.say("login.enter"),
    )
    return HTMLResponse(page, status)
