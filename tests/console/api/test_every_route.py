"""What holds for every route of the API, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from console.access import logins
from console.access.guard import Guard
from console.access.roles import Role
from console.api.answers import admin, operator, translate_errors
from console.api.routes import ROUTERS, application
from console.app import API, PAGES, Parted
from console.login import router as login_routes
from console.settings import ConsoleSettings
from console.world import World

VIEWER, TOKEN = logins.with_token("look", Role.VIEWER)
SAFE = {"GET", "HEAD"}
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "console-api.md"
FREE = {"/login"}
"""What takes a POST of somebody who is nobody yet."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    home = tmp_path_factory.mktemp("home")
    env = {"KANARYA_HOME": str(home), "KANARYA_CONSOLE_LOGINS": VIEWER.line()}
    return World.of(ConsoleSettings.from_env(env=env))


@pytest.fixture(scope="module")
def asked(world: World) -> Iterator[TestClient]:
    app = FastAPI()
    translate_errors(app)
    app.include_router(login_routes(world))
    parted = Parted(app, application(world))
    client = TestClient(Guard(parted, world.door), base_url="http://localhost")
    client.headers["Authorization"] = f"Bearer {TOKEN}"
    with client:
        yield client


def writing(world: World) -> list[tuple[str, str]]:
    routes = [route for router in (*ROUTERS, login_routes) for route in router(world).routes]
    return [
        (method, route.path)
        for route in routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods - SAFE)
        if route.path not in FREE
    ]


def test_every_route_of_the_api_is_asked_of_it_and_no_page_is(world: World) -> None:
    paths = [
        str(getattr(route, "path", "")) for router in ROUTERS for route in router(world).routes
    ]
    assert len(paths) > 30
    assert not [path for path in paths if not API.match(path)]
    assert not [page.path for page in PAGES if API.match(page.path)]


def test_every_route_is_in_the_document_with_the_role_that_it_asks_for(world: World) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    told = re.findall(r"^\| `([A-Z]+) (/api/\S+)` \| ([a-z]+) \|", text, re.MULTILINE)
    there = [
        (method, route.path, _role(route))
        for router in ROUTERS
        for route in router(world).routes
        if isinstance(route, APIRoute) and route.path.startswith("/api/")
        for method in route.methods
    ]
    assert sorted(told) == sorted(there)


def _role(route: APIRoute) -> str:
    asked = {each.call for each in route.dependant.dependencies}
    return "admin" if admin in asked else "operator" if operator in asked else "viewer"


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/api/runs/a/cost", "price_hour: field required"),
        ("/api/runs/a/cost?price_hour=x", "price_hour: input should be a valid number"),
        ("/api/runs/a/cost?price_hour=-1", "price_hour: input should be greater than or equal"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    asked: TestClient, path: str, sentence: str
) -> None:
    answer = asked.get(path)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(sentence)


def test_a_body_that_is_no_json_is_refused_in_a_sentence(asked: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    answer = asked.post("/api/queue/workers", content=b"{", headers=headers)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("the body is no JSON (Expecting property name")


def test_a_viewer_changes_nothing_by_any_route(world: World, asked: TestClient) -> None:
    found = writing(world)
    assert len(found) > 10
    for method, path in found:
        answer = asked.request(method, path.replace("{", "").replace("}", ""))
        assert (method, path, answer.status_code) == (method, path, 403)


def test_nothing_was_recorded_or_left_by_a_viewer(world: World) -> None:
    assert not world.audit.log.path.exists()
    assert not list(Path(world.settings.base.home).glob("uploads/*"))


@pytest.mark.parametrize("path", ["/api/nothing", "/api/runs/x/y/z/nothing"])
def test_an_unknown_address_of_the_api_is_answered_in_json(asked: TestClient, path: str) -> None:
    answer = asked.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"error": f"there is no {path} here"}


def _pieces(count: int) -> Iterator[bytes]:
    yield from (b" " * 65_536 for _ in range(count))


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/login", "x-www-form-urlencoded"), ("/api/queue/workers", "json"), ("/api/runs", "json")],
)
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_refused_before_it_is_held(
    asked: TestClient, path: str, kind: str, announced: bool
) -> None:
    content = b" " * (1 << 21) if announced else _pieces(1000)
    headers = {"Content-Type": f"application/{kind}"}
    answer = asked.post(path, content=content, headers=headers)
    assert answer.status_code == 413
    assert "files go to /api/uploads" in answer.json()["error"]
