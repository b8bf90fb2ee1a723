"""What the console leaves out at its start must be there for whoever asks later."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from console.lately import Later, lately
from console.starting import CHECKS, CLIENTS, PLUGINS

pytestmark = pytest.mark.thorough  # processes of its own

CODE = """
import sys
from console.starting import quick_imports
with quick_imports():
    import socketio
print(*(name in sys.modules for name in {names}))
import {one}
print({one}.__name__)
"""


@pytest.mark.parametrize("one", ["aiohttp", "requests"])
def test_the_libraries_of_clients_are_not_imported_but_still_can_be(one: str) -> None:
    code = CODE.format(names=CLIENTS, one=one)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"False False False\n{one}\n"


def test_what_checks_addresses_is_there_for_who_asks_and_the_environment_is_as_it_was() -> None:
    code = CODE.format(names=CHECKS, one="email_validator") + (
        "import os, pydantic\n"
        f"print(os.environ.get({PLUGINS!r}))\n"
        "class Written(pydantic.BaseModel):\n    to: pydantic.EmailStr\n"
        "print(Written(to='a@example.com').to)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "email_validator", "None", "a@example.com"]


LOADED = """
import json, sys
from console.starting import quick_imports
with quick_imports():
    from console.app import FIRST, PAGES
    from console.world import World
    FIRST.load()
print(json.dumps([*sys.modules]))
"""


def test_the_first_page_brings_nothing_that_only_others_need(tmp_path: Path) -> None:
    env = {"NICEGUI_STORAGE_PATH": str(tmp_path), "PATH": ""}
    command = [sys.executable, "-c", LOADED]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    heavy = {"numpy", "mlflow", "huey", "kubernetes", "pipelines.spec", "serving.rollout.judge"}
    assert not heavy & loaded
    others = {f"console.pages.{name}" for name in ("queue", "new", "run", "models", "services")}
    assert not others & loaded


class Shop:
    """Makes one thing, when somebody asks for it."""

    def __init__(self) -> None:
        self.made = 0
        self.both_came = threading.Barrier(2)

    @lately
    def thing(self) -> object:
        self.made += 1
        return object()


def test_what_is_made_late_is_made_once_for_all_threads() -> None:
    shop = Shop()

    def asked() -> object:
        shop.both_came.wait()
        return shop.thing

    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(asked) for _ in range(2))
    assert first.result() is second.result() is shop.thing
    assert shop.made == 1 and Shop().made == 0


def test_an_application_that_is_made_late_answers_its_first_request() -> None:
    made = []

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    later = Later(lambda: made.append(1) or answer)
    client = TestClient(later)
    assert not made
    assert [client.get("/api/x").status_code for _ in range(2)] == [204, 204]
    assert made == [1]
