"""What a person does on a page: recorded first, never in the way of others, told where it fails."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from console.access.roles import Person, Role
from console.settings import ConsoleSettings
from console.texts import Texts
from console.widgets.screen import Screen
from console.world import World
from serving.errors import UsageError

TOLD: list[str] = []


class Heard(Screen):
    """A screen whose notes can be read."""

    def notify(self, sentence: str | Exception, level: str = "negative") -> None:
        TOLD.append(f"{level}: {self.told(sentence).text}")


@pytest.fixture
def screen(tmp_path: Path) -> Screen:
    TOLD.clear()
    world = World.of(ConsoleSettings.from_env(env={"KANARYA_HOME": str(tmp_path)}))
    person = Person("ayse", Role.OPERATOR, "127.0.0.1")
    return Heard(world, person, Texts("tr"), "auto", {}, {}, "/")


def test_many_actions_that_hang_hold_up_nobody_else(screen: Screen) -> None:
    may_end = threading.Event()

    async def acting() -> list[Any]:
        do = partial(may_end.wait, 30)
        waiting = [asyncio.create_task(screen.act("try", "x", do)) for _ in range(40)]
        await asyncio.sleep(0)
        assert await asyncio.to_thread(int, "7") == 7
        may_end.set()
        return await asyncio.gather(*waiting)

    assert all(asyncio.run(acting()))
    records = screen.world.audit.log.records()
    assert {(each["who"], each["action"]) for each in records} == {("ayse", "try")}
    assert len(records) == 40


def raises(error: Exception) -> Callable[[], None]:
    def do() -> None:
        raise error

    return do


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UsageError("xyzzy plugh"), "xyzzy plugh"),
        (OSError(5, "plugh"), "plugh"),
        (ValueError("a secret of the insides"), "Bu sayfada bir hata oluştu"),
    ],
)
def test_whoever_acts_is_told_what_went_wrong(
    screen: Screen, error: Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "kanarya.console"):
        assert asyncio.run(screen.act("try", "x", raises(error))) is None
    (said,) = TOLD
    assert said.startswith("negative: ") and told in said
    assert ("a secret of the insides" in caplog.text) == isinstance(error, ValueError)
    assert "a secret" not in said
