"""What stands before every page: right host, right origin, known person, safe headers."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.access.limits import SENTENCE, is_too_large, limited
from console.access.logins import Logins
from console.access.roles import Person, Role
from console.access.sessions import COOKIE, Sessions

OPEN = ("/login", "/healthz", "/_nicegui/", "/static/")
"""What nobody has to log in for: it shows nothing of anybody's."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS = {
    # Vue compiles its templates in the browser, which needs eval; nothing comes from elsewhere.
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' "
    "'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


@dataclass(frozen=True)
class Door:
    """Under which names the console is asked for, and who may enter."""

    names: tuple[str, ...]
    logins: Logins
    sessions: Sessions

    def person(self, headers: Mapping[str, str], address: str) -> Person | None:
        """Return who asks, None where nobody that is known does."""
        if not self.logins:
            return Person(_whoever_sits_here(), Role.ADMIN, address)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.logins.of_token(token.strip(), address)
        found = self.sessions.person(cookie_of(headers), address)
        login = self.logins.by_name.get(found.name) if found else None
        # The role of now, not the one that the cookie was given for.
        return Person(login.name, login.role, address) if login else None


class Guard:
    """ASGI: passes a request on with its person in `scope["state"]`, or answers it itself."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app, self.door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self.app(scope, limited(scope, receive), _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _name(host) not in self.door.names:
            sentence = f"this console is not asked for as {_name(host)[:80]!r}"
            return _sentence(421, f"{sentence}; its names are in KANARYA_CONSOLE_NAMES")
        writes = scope["type"] == "websocket" or scope["method"] not in SAFE
        origin = headers.get("origin")
        if writes and origin is not None and _netloc(origin) != host:
            return _sentence(403, "this request came from a page elsewhere")
        if is_too_large(scope):
            return _sentence(413, SENTENCE)
        if scope["path"].startswith(OPEN):
            return None
        person = self.door.person(headers, (scope.get("client") or ("",))[0])
        if person is None:
            return _to_login(scope, headers)
        scope.setdefault("state", {})["person"] = person
        return None


def cookie_of(headers: Mapping[str, str]) -> str:
    """Return the session's cookie, empty where there is none.

    Others on this machine set cookies too, for all ports: one that is no good hides no other.
    """
    return cookie_parser(headers.get("cookie", "")).get(COOKIE, "")


def _to_login(scope: Scope, headers: Mapping[str, str]) -> Response:
    if scope["path"].startswith("/api/") or "text/html" not in headers.get("accept", ""):
        answer = _sentence(401, "log in first, or send `Authorization: Bearer` and a token")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    query = scope.get("query_string", b"").decode("latin-1")
    wanted = scope["path"] + (f"?{query}" if query else "")
    return RedirectResponse(f"/login?next={quote(wanted)}", status_code=303)


def own_path(wanted: str) -> str:
    """Return where to go on after a login: a path of this console, never another site's."""
    parts = urlsplit(wanted)
    inside = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if inside and not parts.netloc and not parts.scheme else "/"


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _sentence(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return sending


def _whoever_sits_here() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"
