"""The login page: who guesses is slowed down, however many guesses are sent at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from console.access.attempts import MOST
from console.access.logins import VARIABLE, with_password
from console.access.roles import Role
from console.login import router
from console.settings import ConsoleSettings
from console.world import World

pytestmark = pytest.mark.thorough  # real hashes of passwords


def app(home: Path) -> FastAPI:
    line = with_password("ayse", Role.OPERATOR, "kanarya-sarı-1").line()
    env = {"KANARYA_HOME": str(home), VARIABLE: line}
    made = FastAPI()
    made.include_router(router(World.of(ConsoleSettings.from_env(env=env))))
    return made


async def sent(app: FastAPI, *passwords: str) -> list[int]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        forms = [{"name": "ayse", "password": password} for password in passwords]
        asked = (client.post("/login", data=form) for form in forms)
        return [answer.status_code for answer in await asyncio.gather(*asked)]


def test_guesses_that_are_sent_at_once_are_counted_like_others(tmp_path: Path) -> None:
    found = Counter(asyncio.run(sent(app(tmp_path), *(f"guess {n}" for n in range(12)))))
    assert found == {401: MOST, 429: 12 - MOST}


def test_who_knows_the_password_enters_and_begins_anew(tmp_path: Path) -> None:
    console = app(tmp_path)
    assert asyncio.run(sent(console, *["wrong"] * (MOST - 1))) == [401] * (MOST - 1)
    assert asyncio.run(sent(console, "kanarya-sarı-1")) == [303]
    assert asyncio.run(sent(console, "wrong")) == [401]
