"""What the guard lets through, as a table of requests; the application behind it is a real one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from console.access import logins
from console.access.guard import Door, Guard, own_path
from console.access.roles import Person, Role
from console.access.sessions import COOKIE, LIFE_S, Sessions, kept_secret
from serving.errors import PlatformError

AYSE = logins.with_password("ayse", Role.OPERATOR, "kanarya-sarı-1")
BUILD, TOKEN = logins.with_token("build", Role.VIEWER)
SESSIONS = Sessions(b"s" * 32)
NAMES = ("localhost", "127.0.0.1", "::1", "kanarya.example")
HERE = "http://localhost"
AT = {"Host": "localhost"}


def client(*known: logins.Login) -> TestClient:
    async def say(request: Request) -> PlainTextResponse:
        person = getattr(request.state, "person", None)
        return PlainTextResponse(f"{person.name} {person.role}" if person else "nobody")

    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")

    routes = [
        Route("/{rest:path}", say, methods=["GET", "POST"]),
        WebSocketRoute("/live", talk),
    ]
    found = logins.Logins({login.name: login for login in known})
    app = Guard(Starlette(routes=routes), Door(NAMES, found, SESSIONS))
    return TestClient(app, base_url=HERE, follow_redirects=False)


def cookie(name: str = "ayse") -> dict[str, str]:
    return {"Cookie": f"{COOKIE}={SESSIONS.cookie(Person(name, Role.OPERATOR))}"}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8602", 200),
        ("127.0.0.1:8602", 200),
        ("[::1]:8602", 200),
        ("kanarya.example", 200),
        ("evil.example", 421),
        ("localhost.evil.example:8602", 421),
        ("[::1", 421),
        ("", 421),
    ],
)
def test_only_known_host_names_are_answered(host: str, status: int) -> None:
    assert client().get("/", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {}, 200),  # no browser: those always say where a POST comes from
        ("POST", {"Origin": HERE}, 200),
        ("POST", {"Origin": "http://evil.example"}, 403),
        ("POST", {"Origin": "http://localhost:9999"}, 403),
        ("POST", {"Origin": "null"}, 403),
        ("POST", {"Origin": "http://[localhost"}, 403),
        ("GET", {"Origin": "http://evil.example"}, 200),  # it may ask; it cannot read
    ],
)
def test_a_page_elsewhere_changes_nothing(
    method: str, headers: dict[str, str], status: int
) -> None:
    assert client().request(method, "/api/runs", headers=headers).status_code == status


def test_a_page_elsewhere_opens_no_websocket() -> None:
    with client().websocket_connect("/live", headers={**AT, "Origin": HERE}) as socket:
        assert socket.receive_text() == "hello"
    with (
        pytest.raises(WebSocketDisconnect),
        client().websocket_connect("/live", headers={**AT, "Origin": "http://evil.example"}),
    ):
        pass


@pytest.mark.parametrize(
    ("path", "headers", "status", "said"),
    [
        ("/", cookie(), 200, "ayse operator"),
        ("/", {"Cookie": f'other={{"a": 1, b}}; {cookie()["Cookie"]}; x'}, 200, "ayse operator"),
        ("/", cookie("gone"), 401, "log in first"),  # taken out of the logins since
        ("/", {"Cookie": f"{COOKIE}=forged"}, 401, "log in first"),
        ("/", {"Cookie": "\0"}, 401, "log in first"),
        ("/", {"Accept": "text/html"}, 303, ""),
        ("/api/runs", {"Authorization": f"Bearer {TOKEN}"}, 200, "build viewer"),
        ("/api/runs", {"Authorization": "Bearer wrong"}, 401, "log in first"),
        ("/api/runs", {"Authorization": "Basic YTpi"}, 401, "log in first"),
        ("/api/runs", {"Accept": "text/html"}, 401, "log in first"),
        ("/login", {}, 200, "nobody"),
        ("/healthz", {}, 200, "nobody"),
        ("/static/console.css", {}, 200, "nobody"),
    ],
)
def test_with_logins_somebody_must_be_known(
    path: str, headers: dict[str, str], status: int, said: str
) -> None:
    answer = client(AYSE, BUILD).get(path, headers=headers)
    assert (answer.status_code, said in answer.text) == (status, True)


def test_a_login_leads_back_to_the_page_that_was_asked_for() -> None:
    answer = client(AYSE).get("/runs/a b?x=1&y=2", headers={"Accept": "text/html"})
    assert answer.headers["Location"] == "/login?next=/runs/a%20b%3Fx%3D1%26y%3D2"


def test_a_websocket_needs_a_login_as_well() -> None:
    with pytest.raises(WebSocketDisconnect), client(AYSE).websocket_connect("/live", headers=AT):
        pass
    with client(AYSE).websocket_connect("/live", headers={**AT, **cookie()}) as socket:
        assert socket.receive_text() == "hello"


def test_on_loopback_without_logins_whoever_sits_there_is_an_administrator() -> None:
    assert client().get("/").text.endswith(" admin")


@pytest.mark.parametrize("path", ["/", "/api/nothing", "/login"])
def test_every_answer_carries_the_headers_that_browsers_heed(path: str) -> None:
    headers = client(AYSE).get(path).headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/runs/x?a=1", "/runs/x?a=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_a_login_never_leads_to_another_site(wanted: str, path: str) -> None:
    assert own_path(wanted) == path


def test_who_logged_out_is_not_let_in_with_the_old_cookie() -> None:
    sessions = Sessions(b"s" * 32)
    given = sessions.cookie(Person("ayse", Role.OPERATOR))
    assert sessions.person(given) == Person("ayse", Role.OPERATOR)
    sessions.end(given)
    assert sessions.person(given) is None
    assert Sessions(b"t" * 32).person(given) is None


def test_who_logged_out_stays_out_after_a_restart_until_the_cookie_expires(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person("ayse", Role.OPERATOR)
    sessions = Sessions.kept(tmp_path)
    first, second, stays = (sessions.cookie(person) for _ in range(3))
    sessions.end(first)
    sessions.end("forged")
    again = Sessions.kept(tmp_path)
    again.end(second)
    found = Sessions.kept(tmp_path)
    assert [found.person(each) for each in (first, second, stays)] == [None, None, person]
    assert len((tmp_path / "ended").read_text().splitlines()) == 2
    later = time.time() + LIFE_S + 9
    monkeypatch.setattr("console.access.sessions.time.time", lambda: later)
    assert found.person(first) is None, "it has expired"
    assert not Sessions.kept(tmp_path).ended


def test_a_damaged_list_of_ended_sessions_keeps_its_whole_lines(tmp_path: Path) -> None:
    (tmp_path / "ended").write_bytes(b"99999999999 aa\n\xff\xfe nothing at all\nsoon bb\n9999")
    assert set(Sessions.kept(tmp_path).ended) == {"aa"}
    (tmp_path / "ended").unlink()
    (tmp_path / "ended").mkdir()
    with pytest.raises(PlatformError, match="nobody knows who logged out"):
        Sessions.kept(tmp_path)


def test_a_disk_that_is_full_does_not_keep_anybody_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sessions = Sessions(b"s" * 32, file=tmp_path / "file" / "ended")
    (tmp_path / "file").write_text("")
    given = sessions.cookie(Person("ayse", Role.OPERATOR))
    sessions.end(given)
    assert sessions.person(given) is None and "until a restart only" in caplog.text


def test_the_secret_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "console" / "secret"
    first = kept_secret(path)
    assert (len(first), path.stat().st_mode & 0o077) == (32, 0)
    assert kept_secret(path) == first
    path.write_bytes(b"")  # killed before it was written
    assert len(kept_secret(path)) == 32
