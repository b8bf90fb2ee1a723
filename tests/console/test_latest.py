"""An answer that may take long is never waited for, and its process ends when nobody asks."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path

import pytest

from console.data.child import Child
from console.data.latest import Latest
from console.slowly import slowly
from serving.errors import PlatformError, UsageError
from serving.settings import Settings


def test_a_look_returns_at_once_with_what_is_known() -> None:
    may_answer = threading.Event()
    latest: Latest[int] = Latest(lambda before: may_answer.wait(30) and (before or 0) + 1, 0.0)
    assert latest.look().value is None
    assert latest.look().asked == 0, "one question at a time"
    may_answer.set()
    assert latest.wait(30).value == 1
    latest.look()
    assert latest.wait(30).value == 2


def test_what_is_refused_leaves_the_answer_before_with_the_reason() -> None:
    answers = iter([7])

    def ask(_: int | None) -> int:
        for answer in answers:
            return answer
        raise UsageError("not\nnow")

    latest = Latest(ask, 0.0)
    latest.look()
    assert latest.wait(30).trouble == ""
    latest.look()
    found = latest.wait(30)
    assert (found.value, found.trouble, found.count, found.asked) == (7, "not now", 1, 2)


def test_a_question_that_breaks_is_asked_again() -> None:
    answers = iter([{}, {"runs": 7}])
    latest = Latest(lambda before: next(answers)["runs"], 0.0)
    latest.look()
    assert latest.wait(30).trouble == "it broke (KeyError: 'runs')"
    latest.look()
    assert latest.wait(30).value == 7


def test_an_answer_is_kept_until_it_is_old_or_somebody_says_that_it_is() -> None:
    latest = Latest(lambda before: (before or 0) + 1, 3600.0)
    latest.look()
    latest.wait(30)
    assert latest.look().value == 1
    assert latest.wait(30).asked == 1
    latest.soon()
    latest.look()
    assert latest.wait(30).asked == 2


def test_many_who_wait_long_hold_up_nobody_else() -> None:
    may_answer = threading.Event()

    async def visits() -> list[bool]:
        waiting = [asyncio.create_task(slowly(may_answer.wait, 30)) for _ in range(40)]
        assert await asyncio.to_thread(int, "7") == 7
        with pytest.raises(ValueError, match="invalid literal"):
            await slowly(int, "seven")
        may_answer.set()
        return await asyncio.gather(*waiting)

    assert all(asyncio.run(visits()))


def test_a_process_is_asked_again_until_it_dies_and_then_another_one(tmp_path: Path) -> None:
    child = Child(Settings.from_env({"KANARYA_HOME": str(tmp_path)}))
    first = child.ask(os.getpid)
    assert first not in (os.getpid(), None)
    assert child.ask(os.getpid) == first
    assert child.ask(os.getenv, "KANARYA_HOME") == str(tmp_path)
    with pytest.raises(FileNotFoundError):
        child.ask(os.listdir, str(tmp_path / "nothing"))
    with pytest.raises(PlatformError, match=r"builtins\.int broke \(ValueError: "):
        child.ask(int, "x")
    with pytest.raises(PlatformError, match="died"):
        child.ask(os._exit, 1)
    again = child.ask(os.getpid)
    assert again != first
    with pytest.raises(PlatformError, match=r"no answer to time\.sleep within 0 s"):
        child.ask(time.sleep, 60, limit_s=0.05)
